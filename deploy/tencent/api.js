'use strict';

/**
 * One way to Tencent's API 3.0 for everything here: the official SDK's CommonClient. The toolkit's
 * own transport checks no certificate and knows no other endpoint, so its requests go this way too.
 */

const dns = require('dns');
const http = require('http');
const https = require('https');
const { CommonClient } = require('tencentcloud-sdk-nodejs-common');
const { Capi } = require('@tencent-sdk/capi');

const VERSIONS = {
  scf: '2018-04-16',
  cam: '2019-01-16',
  cls: '2020-10-16',
  sts: '2018-08-13',
  tag: '2018-08-13',
};

class Api {
  /** @param endpoint `http://host:port` instead of the cloud's own (TENCENT_ENDPOINT_URL). */
  constructor({ secretId, secretKey, token, region, endpoint }) {
    this.credential = { secretId, secretKey, token };
    this.region = region;
    this.endpoint = endpoint;
    this.clients = {};
  }

  async call(service, action, parameters = {}) {
    return this.client(service).request(action, parameters);
  }

  /** The same; null where the thing does not exist. */
  async look(service, action, parameters) {
    try {
      return await this.call(service, action, parameters);
    } catch (error) {
      if (/^(ResourceNotFound|InvalidParameter\.(RoleNotExist|PolicyIdNotExist))/.test(error.code)) return null;
      throw error;
    }
  }

  client(service) {
    if (!this.clients[service]) {
      const host = `${service}.tencentcloudapi.com`;
      this.clients[service] = new CommonClient(host, VERSIONS[service], {
        credential: this.credential,
        region: this.region,
        profile: {
          signMethod: 'TC3-HMAC-SHA256',
          httpProfile: { reqTimeout: 60, ...this.elsewhere(host) },
        },
      });
    }
    return this.clients[service];
  }

  /** The name stays the service's, since it is signed; only the address is another. */
  elsewhere(host) {
    if (!this.endpoint) return {};
    const own = new URL(this.endpoint);
    const lookup = (_, options, callback) => dns.lookup(own.hostname, options, callback);
    const { Agent } = own.protocol === 'http:' ? http : https;
    return {
      protocol: `${own.protocol}//`,
      endpoint: own.port ? `${host}:${own.port}` : host,
      agent: new Agent({ lookup }),
    };
  }

  /** Lets the toolkit's requests go through this client, until `restore` is called. */
  takeOver() {
    const theirs = Capi.prototype.request;
    const api = this;
    Capi.prototype.request = async function request(data, options = {}) {
      const { Action, Version, Region, RequestClient, ...parameters } = data;
      const service = String(options.host || this.options.ServiceType).split('.')[0];
      try {
        return { Response: await api.call(service, Action, parameters) };
      } catch (error) {
        if (!error.code) throw error;
        const Error = { Code: error.code, Message: error.message };
        return { Response: { Error, RequestId: error.requestId } };
      }
    };
    return () => {
      Capi.prototype.request = theirs;
    };
  }
}

module.exports = Api;
