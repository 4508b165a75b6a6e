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

module.exports = { functionInput };
