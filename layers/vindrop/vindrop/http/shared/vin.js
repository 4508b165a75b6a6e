// What can be said of a VIN without asking: its alphabet, its look-alikes, its check digit
// (ISO 3779, 49 CFR 565.15(c)). Who built it and what law asks for, the function knows.

export const VIN_LENGTH = 17;
export const CHECK_AT = 8;
export const ALPHABET = "0123456789ABCDEFGHJKLMNPRSTUVWXYZ";
// No VIN holds these letters: whoever reads one has seen the digit of the same shape.
export const NEVER = {I: "1", O: "0", Q: "0"};
// Characters that people and readers take for each other (as http/doubts.py has them).
export const PAIRS = "0D 8B 5S 2Z 17 1L 6G UV 4A CG EF PR 38 56 MN HN KX VY TY".split(" ");

const WEIGHTS = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
const VALUES = Object.fromEntries([
  ...[..."0123456789"].map((each) => [each, Number(each)]),
  ...[..."ABCDEFGH"].map((each, at) => [each, at + 1]),
  ...[..."JKLMN"].map((each, at) => [each, at + 1]),
  ["P", 7], ["R", 9],
  ...[..."STUVWXYZ"].map((each, at) => [each, at + 2]),
]);
const MOST_MENDINGS = 4;  // more would point nowhere

export const isVin = (vin) => vin.length === VIN_LENGTH && [...vin].every((each) => ALPHABET.includes(each));

// The digit that position 9 must hold, for 16 other characters; null while one is missing.
export function checkDigit(characters) {
  let sum = 0;
  for (let at = 0; at < VIN_LENGTH; at += 1) {
    if (at === CHECK_AT) continue;
    const value = VALUES[characters[at]];
    if (value === undefined) return null;
    sum += value * WEIGHTS[at];
  }
  return sum % 11 === 10 ? "X" : String(sum % 11);
}

export const checkDigitHolds = (characters) => isVin([...characters]) && checkDigit(characters) === characters[CHECK_AT];

// What a character is taken for.
export const alike = (character) =>
  (character ? PAIRS.filter((pair) => pair.includes(character)).map((pair) => pair.replace(character, "")) : []);

// Single look-alikes that make the check digit hold: [{at, character}], none where there are many.
export function mendings(characters) {
  const found = [];
  for (let at = 0; at < VIN_LENGTH; at += 1) {
    for (const character of alike(characters[at])) {
      const changed = characters.map((each, place) => (place === at ? character : each));
      if (checkDigit(changed) === changed[CHECK_AT]) found.push({at, character});
    }
  }
  return found.length <= MOST_MENDINGS ? found : [];
}
