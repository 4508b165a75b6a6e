'use strict';

/**
 * A role per function: what that function does, and nothing else. Two actions know no resources
 * and stand with `*`: VinOCR (its authorization is by action alone) and nothing beside it.
 */

const TRUST = JSON.stringify({
  version: '2.0',
  statement: [
    { action: 'name/sts:AssumeRole', effect: 'allow', principal: { service: ['scf.qcloud.com'] } },
  ],
});

/** Policies by function: name → document. */
function policies({ region, appid, uin, bucket, prefix, uploadPrefix, urls, ownVinocr }) {
  const allow = (action, resource) => ({ effect: 'allow', action, resource });
  const objects = (below) => `qcs::cos:${region}:uid/${appid}:${bucket}/${below}*`;
  const read = [allow(['name/cos:GetObject'], [objects(prefix)])];
  const call = ownVinocr ? [] : [allow(['ocr:VinOCR'], ['*'])];
  const write = destinations(urls, uin);
  const outside = prefix && !uploadPrefix.startsWith(prefix) ? [objects(uploadPrefix)] : [];
  const document = (...statement) => ({ version: '2.0', statement });
  return {
    upload: document(...read, ...call, ...write),
    http: document(
      ...read,
      ...(outside.length ? [allow(['name/cos:GetObject'], outside)] : []),
      allow(['name/cos:PutObject'], [objects(uploadPrefix)]),
      ...call,
      ...write
    ),
    step: document(...read, ...call, ...write),
    sweep: document(...read, ...call, ...write),
  };
}

/** Databases and brokers have users of their own; the role speaks for these three only. */
function destinations(urls, uin) {
  const found = [];
  for (const url of new Set(urls.split(/ +/))) {
    const match = /^(cmq-queue|cmq-topic|tencent-eventbridge):\/\/([^/]+)\/([^?]+)/.exec(url);
    if (!match) continue;
    const [, scheme, region, name] = match;
    if (scheme === 'cmq-queue') {
      found.push(['tdmq:SendCmqMsg', `qcs::tdmq:${region}:uin/${uin}:cmqQueue/${name}`]);
    } else if (scheme === 'cmq-topic') {
      found.push(['tdmq:PublishCmqMsg', `qcs::tdmq:${region}:uin/${uin}:cmqTopic/${name}`]);
    } else {
      found.push(['eb:PutEvents', `qcs::eb:${region}:uin/${uin}:eventbusid/${name}`]);
    }
  }
  return found.map(([action, resource]) => ({ effect: 'allow', action: [action], resource: [resource] }));
}

/** Makes the role `name` do exactly `document`; returns when it does. */
async function ensure(api, name, document, description) {
  const text = JSON.stringify(document);
  if (!(await api.look('cam', 'GetRole', { RoleName: name }))) {
    await api.call('cam', 'CreateRole', {
      RoleName: name,
      PolicyDocument: TRUST,
      Description: description,
    });
  }
  const policy = await find(api, name);
  if (policy) {
    await api.call('cam', 'UpdatePolicy', { PolicyId: policy.PolicyId, PolicyDocument: text });
  } else {
    await api.call('cam', 'CreatePolicy', { PolicyName: name, PolicyDocument: text, Description: description });
  }
  await api.call('cam', 'AttachRolePolicy', { AttachRoleName: name, PolicyName: name });
}

async function remove(api, name) {
  const policy = await find(api, name);
  const role = await api.look('cam', 'GetRole', { RoleName: name });
  if (role && policy) {
    await api.call('cam', 'DetachRolePolicy', { DetachRoleName: name, PolicyId: policy.PolicyId });
  }
  if (policy) await api.call('cam', 'DeletePolicy', { PolicyId: [policy.PolicyId] });
  if (role) await api.call('cam', 'DeleteRole', { RoleName: name });
}

async function find(api, name) {
  const { List } = await api.call('cam', 'ListPolicies', { Keyword: name, Scope: 'Local', Rp: 200 });
  return (List || []).find((one) => one.PolicyName === name);
}

module.exports = { policies, ensure, remove };
