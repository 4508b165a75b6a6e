// What can be said of a VIN without asking: its alphabet, its look-alikes, its check digit
// (ISO 3779, 49 CFR 565.15(c)). Who built it and what law asks for, the function knows.

export const LENGTH = 17;
export const CHECK_POSITION = 8;
export const ALPHABET = "0123456789ABCDEFGHJKLMNPRSTUVWXYZ";
/** Letters that no VIN holds, and the digit of the same shape. */
export const LOOKALIKES = { I: "1", O: "0", Q: "0" };

const WEIGHTS = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
const VALUES = Object.fromEntries([
  ...[..."0123456789"].map((each) => [each, Number(each)]),
  ...[..."ABCDEFGH"].map((each, at) => [each, at + 1]),
  ...[..."JKLMN"].map((each, at) => [each, at + 1]),
  ["P", 7], ["R", 9],
  ...[..."STUVWXYZ"].map((each, at) => [each, at + 2]),
]);

/** The digit that position 9 must hold, for 16 other characters; null while one is missing. */
export function checkDigit(characters) {
  let sum = 0;
  for (let at = 0; at < LENGTH; at += 1) {
    if (at === CHECK_POSITION) continue;
    const value = VALUES[characters[at]];
    if (value === undefined) return null;
    sum += value * WEIGHTS[at];
  }
  return sum % 11 === 10 ? "X" : String(sum % 11);
}

// Characters that people and readers take for each other on stamped, pecked and worn ones.
const PAIRS = "0D 8B 5S 2Z 17 1L 6G UV 4A CG EF PR 38 56 MN HN KX VY TY".split(" ");
const MOST = 4;  // more would point nowhere

/** Single look-alikes that make the check digit hold: [{ at, character }], none where there are many. */
export function mendings(characters) {
  const found = [];
  for (let at = 0; at < LENGTH; at += 1) {
    for (const pair of PAIRS) {
      if (!pair.includes(characters[at])) continue;
      const other = pair.replace(characters[at], "");
      const changed = characters.map((each, place) => (place === at ? other : each));
      if (checkDigit(changed) === changed[CHECK_POSITION]) found.push({ at, character: other });
    }
  }
  return found.length <= MOST ? found : [];
}
