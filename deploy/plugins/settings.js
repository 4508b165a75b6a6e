'use strict';

/**
 * `osls settings`: the deployed upload function's environment as lines NAME='value', for
 * `vindrop doctor --env-file` and for a shell. Used on both clouds.
 */

/** As a shell and `doctor` read it: in single quotes, or where the value holds one, in double quotes. */
const line = ([name, value]) =>
  String(value).includes("'") ? `${name}="${value.replace(/[\\"$`]/g, '\\$&')}"` : `${name}='${value}'`;

/** Cloud → the environment of a function that is deployed; null where there is none. */
const DEPLOYED = {
  tencent: (provider, name) => provider.settings(name),
  aws: async (provider, FunctionName) => {
    const { LambdaClient, GetFunctionConfigurationCommand } = require('@aws-sdk/client-lambda');
    const client = new LambdaClient(await provider.getAwsSdkV3Config());
    try {
      const found = await client.send(new GetFunctionConfigurationCommand({ FunctionName }));
      return found.Environment ? found.Environment.Variables : {};
    } catch (error) {
      if (error.name === 'ResourceNotFoundException') return null;
      throw error;
    }
  },
};

class Settings {
  constructor(serverless, options, { writeText }) {
    Object.assign(this, { serverless, writeText });
    this.commands = {
      settings: {
        usage: "Print the deployed function's settings, keys among them, as lines NAME='value'",
        lifecycleEvents: ['settings'],
      },
    };
    this.hooks = { 'settings:settings': () => this.print() };
  }

  async print() {
    const { cloud, name } = this.serverless.service.custom;
    const found = await DEPLOYED[cloud](this.serverless.getProvider(cloud), `${name}-upload`);
    if (!found) {
      throw new this.serverless.classes.Error(`${name}-upload is not deployed: run osls deploy`, 'VINDROP_SETTINGS');
    }
    this.writeText(Object.entries(found).sort().map(line).join('\n'));
  }
}

module.exports = Settings;
