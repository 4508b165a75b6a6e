// The official Node.js SDK, driven over lines of JSON: one call per line in, one outcome out.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

// Resolved from the working folder, where the runner installed the SDK.
const require = createRequire(process.cwd() + "/");
const { ocr } = require("tencentcloud-sdk-nodejs-ocr");
const OcrClient = ocr.v20181119.Client;

async function ask(call) {
  const client = new OcrClient({
    credential: { secretId: call.secretId, secretKey: call.secretKey, token: call.token },
    region: call.region,
    profile: {
      signMethod: call.sign,
      language: call.language,
      httpProfile: { endpoint: call.endpoint, protocol: call.protocol, reqMethod: call.method },
    },
  });
  client.apiVersion = call.version;
  try {
    const answer =
      call.action === "VinOCR"
        ? await client.VinOCR(call.parameters)
        : await client.request(call.action, call.parameters);
    return { vin: answer.Vin, requestId: answer.RequestId };
  } catch (error) {
    return { code: error.code ?? error.name, message: error.message, requestId: error.requestId };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(await ask(JSON.parse(line))) + "\n");
}
