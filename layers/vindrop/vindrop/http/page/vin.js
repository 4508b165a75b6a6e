// What a VIN may be (ISO 3779): its characters, its check digit, and what is taken for what.

export const VIN_LENGTH = 17;
export const CHECK_AT = 8;
export const ALPHABET = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789";
// No VIN holds these: whoever reads one has seen the digit of the same shape.
export const NEVER = {O: "0", I: "1", Q: "0"};
// As the function's own list of look-alikes (http/doubts.py).
const PAIRS = "0D 8B 5S 2Z 17 1L 6G UV 4A CG EF PR 38 56 MN HN KX VY TY".split(" ");
const VALUES = Object.fromEntries([..."ABCDEFGH"].map((c, at) => [c, at + 1]).concat(
  [..."JKLMN"].map((c, at) => [c, at + 1]), [["P", 7], ["R", 9]],
  [..."STUVWXYZ"].map((c, at) => [c, at + 2]), [..."0123456789"].map((c, at) => [c, at])));
const WEIGHTS = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];

export const isVin = (vin) => vin.length === VIN_LENGTH && [...vin].every((c) => ALPHABET.includes(c));

export function checkDigit(vin) {
  const rest = [...vin].reduce((sum, c, at) => sum + VALUES[c] * WEIGHTS[at], 0) % 11;
  return rest === 10 ? "X" : String(rest);
}

export const checkDigitHolds = (vin) => isVin(vin) && vin[CHECK_AT] === checkDigit(vin);

// What else may stand at a place, the likeliest first: what the reader says, then what would make
// the check digit hold, then what looks alike.
export function alternativesAt(reading, vin, at) {
  const told = (reading.characters?.[at]?.alternatives ?? []).map((each) => each[0] ?? each.character);
  const mended = (reading.doubts ?? []).filter((d) => d.position - 1 === at).map((d) => d.alternative);
  const alike = PAIRS.filter((pair) => pair.includes(vin[at])).map((pair) => pair.replace(vin[at], ""));
  const read = reading.vin[at];
  return [...new Set([...told, ...mended, read, ...alike])]
    .filter((c) => c && c !== vin[at] && ALPHABET.includes(c)).slice(0, 5);
}

// Places that a person should look at → why.
export function doubtsOf(reading) {
  const found = new Map((reading.doubts ?? []).map((doubt) => [doubt.position - 1, doubt.why]));
  (reading.characters ?? []).forEach((each, at) => {
    if (each.confidence < 0.8 && !found.has(at)) found.set(at, "unsure");
  });
  return found;
}
