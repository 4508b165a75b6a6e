// What a person should look at in a reading, and what else may stand there.
import {ALPHABET, alike} from "./vin.js";

// What else may stand at a place, the likeliest first: what the reader says, then what would make
// the check digit hold, then what looks alike.
export function alternativesAt(reading, vin, at) {
  const told = (reading.characters?.[at]?.alternatives ?? []).map((each) => each[0] ?? each.character);
  const mended = (reading.doubts ?? []).filter((d) => d.position - 1 === at).map((d) => d.alternative);
  return [...new Set([...told, ...mended, reading.vin[at], ...alike(vin[at])])]
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
