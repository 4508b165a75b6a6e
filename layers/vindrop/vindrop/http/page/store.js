// What this device keeps: photos that are on their way, and what became of today's (IndexedDB).
// Two tables: `items` say what is known of a photo, `blobs` hold its bytes.

const asked = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

const committed = (transaction) => new Promise((resolve, reject) => {
  transaction.oncomplete = () => resolve();
  transaction.onabort = () => reject(transaction.error ?? new DOMException("", "AbortError"));
});

export async function openStore(name) {
  try {
    const opening = indexedDB.open(name, 1);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore("items", {keyPath: "id"});
      opening.result.createObjectStore("blobs");
    };
    return new Store(await asked(opening));
  } catch {
    return new PassingStore();  // a private window, or one that forbids it: said on the page
  }
}

class Store {
  lasting = true;

  constructor(database) {
    this.database = database;
    database.onversionchange = () => database.close();  // a newer page is about to change it
  }

  async write(change, tables = ["items", "blobs"]) {
    const transaction = this.database.transaction(tables, "readwrite", {durability: "strict"});
    const done = committed(transaction);
    change(...tables.map((table) => transaction.objectStore(table)));
    await done;
  }

  all() { return asked(this.database.transaction("items").objectStore("items").getAll()); }

  get(id) { return asked(this.database.transaction("items").objectStore("items").get(id)); }

  blob(id) { return asked(this.database.transaction("blobs").objectStore("blobs").get(id)); }

  // A photo and what is known of it, both or neither.
  add(item, blob) {
    return this.write((items, blobs) => { items.put(item); blobs.put(blob, item.id); });
  }

  put(item) { return this.write((items) => { items.put(item); }, ["items"]); }

  remove(...ids) {
    return this.write((items, blobs) => ids.forEach((id) => { items.delete(id); blobs.delete(id); }));
  }

  dropBlobs(...ids) { return this.write((blobs) => ids.forEach((id) => { blobs.delete(id); }), ["blobs"]); }
}

// For as long as the page is open, where the device keeps nothing.
export class PassingStore {
  lasting = false;
  items = new Map();
  blobs = new Map();

  async all() { return [...this.items.values()]; }
  async get(id) { return this.items.get(id); }
  async blob(id) { return this.blobs.get(id); }
  async add(item, blob) { this.items.set(item.id, item); this.blobs.set(item.id, blob); }
  async put(item) { this.items.set(item.id, item); }
  async remove(...ids) { ids.forEach((id) => { this.items.delete(id); this.blobs.delete(id); }); }
  async dropBlobs(...ids) { ids.forEach((id) => this.blobs.delete(id)); }
}

export const isFull = (error) => error?.name === "QuotaExceededError";
