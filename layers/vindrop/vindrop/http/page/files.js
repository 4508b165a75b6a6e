// Photos that are taken, chosen, pasted or dropped, folders too. What is no photo is named.

const EXTENSIONS = /\.(jpe?g|png|heic|heif|webp|tiff?|bmp|jp2|j2k|avif)$/i;
const THUMB = 96;  // pixels of the longer side

export const isPhoto = (file) => file.type.startsWith("image/") ? file.type !== "image/svg+xml" : EXTENSIONS.test(file.name);

const nameOf = (file) => file.webkitRelativePath || file.name;

// Returns {photos: [{file, name}], others: [name]}; all that was given is in one of the two.
export const chosen = (files) => sorted([...files].map((file) => ({file, name: nameOf(file)})));

function sorted(found) {
  const [photos, others] = [[], []];
  for (const each of found) (each.file && isPhoto(each.file) ? photos : others).push(each);
  photos.sort((one, other) => one.name.localeCompare(other.name, undefined, {numeric: true}));
  return {photos, others: others.map((each) => each.name)};
}

// The entries must be taken before the event ends; what is in them is read afterwards.
export function dropped(transfer) {
  const items = [...(transfer?.items ?? [])].filter((item) => item.kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.() ?? null);
  const files = items.map((item) => item.getAsFile());
  if (!items.length) return Promise.resolve(chosen(transfer?.files ?? []));
  return Promise.all(entries.map((entry, at) =>
    entry?.isDirectory ? walk(entry, entry.name) : [{file: files[at], name: files[at]?.name ?? entry?.name ?? "?"}],
  )).then((found) => sorted(found.flat()));
}

async function walk(folder, path) {
  const found = [];
  try {
    for (const entry of await listed(folder.createReader())) {
      const name = `${path}/${entry.name}`;
      if (entry.isDirectory) found.push(...await walk(entry, name));
      else found.push({file: await fileOf(entry), name});
    }
  } catch {
    found.push({file: null, name: `${path}/`});  // it may not be read: said with the others
  }
  return found;
}

const fileOf = (entry) => new Promise((resolve) => entry.file(resolve, () => resolve(null)));

// A reader gives a hundred entries at a time.
async function listed(reader) {
  const all = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return all;
    all.push(...some);
  }
}

// A small picture for the list, or null where the browser cannot show the photo.
export async function thumbOf(file) {
  try {
    const picture = await createImageBitmap(file, {imageOrientation: "from-image"});
    const share = THUMB / Math.max(picture.width, picture.height);
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(picture.width * share));
    canvas.height = Math.max(1, Math.round(picture.height * share));
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    return await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.8));
  } catch {
    return null;
  }
}
