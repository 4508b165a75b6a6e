// What a person said of a reading, on its way to the function: a review, where the key's role allows.
import {post, session} from "./api.js";
import {backoff} from "./queue.js";

const REVIEWERS = new Set(["review", "admin"]);
const PASSING = new Set(["offline", "timeout", "too-many-requests", "internal", "store-unavailable", "unknown",
  "vinocr-unavailable", "vinocr-failed", "signed-out", "cross-site"]);

export class Decisions {
  #running = false;
  #timer = 0;
  #tries = 0;

  constructor(queue) { this.queue = queue; }

  // Kept on this device at once; sent as soon as that is possible.
  async confirm(item, vin, {seconds, wrong}) {
    const matters = vin !== item.reading.vin || item.reading.verdict === "doubtful" || item.after || item.decision;
    const decision = matters ? "waiting" : "";
    await this.queue.change(item, {vin, confirmedAt: Date.now(), decision, seconds, wrong, decided: null});
    await this.run();
  }

  async run() {
    clearTimeout(this.#timer);
    if (this.#running) return;
    this.#running = true;
    try {
      for (const item of this.#waiting()) await this.#send(item);
      this.#tries = 0;
    } catch {
      this.#tries += 1;
      this.#timer = setTimeout(() => this.run(), backoff(this.#tries));
    } finally {
      this.#running = false;
    }
  }

  #waiting() { return [...this.queue.items.values()].filter((item) => item.decision === "waiting"); }

  // Throws where it may work later.
  async #send(item) {
    const {vin} = item;
    try {
      const {role} = await session();
      if (!REVIEWERS.has(role)) return await this.queue.change(item, {decision: "local"});
      const said = await post(`v1/reviews/${item.reading.id}`,
        {vin, after: item.after ?? 0, seconds: item.seconds ?? null, wrong_check_digit: Boolean(item.wrong)});
      const settled = item.vin === vin ? "kept" : "waiting";  // corrected again meanwhile
      return await this.queue.change(item, {decision: settled, after: said.review.sequence});
    } catch (error) {
      const problem = error.fields ?? {name: "unknown"};
      if (PASSING.has(problem.name)) throw error;
      if (problem.name === "already-decided" && problem.review?.vin === vin)
        return this.queue.change(item, {decision: "kept", after: problem.review.sequence});
      const local = problem.name === "role-too-low" || problem.name === "no-console" || problem.name === "no-ledger";
      const after = problem.review?.sequence ?? item.after ?? 0;  // confirmed once more, it corrects theirs
      return this.queue.change(item, {decision: local ? "local" : "refused", decided: problem.review ?? null, after,
        confirmedAt: local ? item.confirmedAt : 0});
    }
  }
}
