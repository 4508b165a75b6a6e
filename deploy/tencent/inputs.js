'use strict';

/** From serverless.yml's words to those of tencent-component-toolkit. Pure: a test compares it. */

const clean = (variables) =>
  Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== '' && value != null));

/**
 * One function.
 * @param layers [{name, version}] as they were published
 * @param logs {logsetId, topicId}
 */
function functionInput({ service, part, name, layers, logs, code }) {
  const { provider, functions, custom } = service;
  const one = functions[part];
  return {
    name,
    namespace: 'default',
    description: `vindrop: ${one.description}`,
    runtime: provider.runtime,
    handler: 'handler.main_handler',
    role: name,
    code,
    timeout: Number(one.timeout || provider.timeout),
    memorySize: Number(one.memorySize || provider.memorySize),
    environment: { variables: clean({ ...provider.environment, ...one.environment }) },
    layers,
    cls: logs,
    publicAccess: true, // VinOCR is called over the internet
    ...(provider.vpc && provider.vpc.id
      ? { vpcConfig: { vpcId: provider.vpc.id, subnetId: provider.vpc.subnet } }
      : {}),
    events: (one.events || []).map((event) => trigger(event, name, custom.vindrop)),
  };
}

function trigger(event, name, { region }) {
  if (event.cos) {
    return {
      cos: {
        parameters: {
          bucket: `${event.cos.bucket}.cos.${region}.myqcloud.com`,
          events: 'cos:ObjectCreated:*',
          filter: { prefix: event.cos.prefix || '', suffix: '' },
          enable: true, // without it the trigger is made, and closed
        },
      },
    };
  }
  if (event.timer) {
    return { timer: { parameters: { name: 'every-minute', cronExpression: event.timer.cron, enable: true } } };
  }
  return {
    http: {
      parameters: {
        name: 'url',
        qualifier: '$DEFAULT',
        authType: 'NONE', // callers show one of VINDROP_API_KEYS
        netConfig: { enableExtranet: true, enableIntranet: false },
      },
    },
  };
}

/** Our own VinOCR, from an image: a web function that listens on 9000. */
function vinocrInput({ service, name, logs }) {
  const given = service.custom.vindrop;
  return {
    name,
    namespace: 'default',
    description: 'vindrop: VinOCR itself',
    type: 'web',
    deployMode: 'image',
    imageConfig: { imageType: 'personal', imageUri: given.vinocrImage, imagePort: 9000 },
    timeout: 30,
    memorySize: 2048,
    environment: {
      variables: {
        VINOCR_SECRET_ID: given.vinocrSecretId,
        VINOCR_SECRET_KEY: given.vinocrSecretKey,
        VINOCR_RATE: String(given.rate),
      },
    },
    cls: logs,
    publicAccess: true, // it fetches photos by URL
    events: [trigger({ url: {} }, name, given)],
  };
}

module.exports = { functionInput, vinocrInput };
