'use strict';

/**
 * Logs and alarms in CLS; grafana-dashboard.json draws the same lines. SCF puts each line that a
 * function prints into the field SCF_Message; ours are JSON (vindrop/telemetry.py), so numbers are
 * taken out of it by query.
 */

const TOKENS = '@&?|#()=\'",;:<>[]{}/ \n\t\r\\';
const KEYS = ['SCF_FunctionName', 'SCF_RequestId', 'SCF_Level', 'SCF_Message', 'SCF_StatusCode'];

const field = (name) => `json_extract_scalar(SCF_Message, '$.${name}')`;
const event = (name) => `SCF_Message:"${name}"`;

/** Alarms: name → query, condition, minutes looked back, what to do. */
function alarms(rate) {
  return {
    'dead-letters': [`${event('dead_letter')} | select count(*) as n`, '$1.n >= 1', 5, 'photos ended without a reading: vindrop dead-letters lists them'],
    'circuit-open': [`${event('backlog')} | select max(cast(${field('circuit_open')} as double)) as n`, '$1.n >= 1', 5, 'VinOCR refuses the account (arrears, package used up, keys): all uploads wait'],
    'daily-cap': [`${event('daily_cap_reached')} | select count(*) as n`, '$1.n >= 1', 5, 'the calls of this day are made (VINDROP_DAILY_CALLS): uploads wait for tomorrow'],
    refusals: [`${event('refusals')} | select sum(cast(${field('refusals')} as double)) as n`, `$1.n >= ${Math.max(10, Math.round(rate * 3))}`, 5, 'VinOCR refuses for the rate: is something else using the account?'],
    undelivered: [`${event('undelivered')} | select count(*) as n`, '$1.n >= 1', 5, 'answers could not be delivered: is a destination away?'],
    'oldest-waiting': [`${event('backlog')} | select max(cast(${field('oldest_seconds')} as double)) as n`, '$1.n >= 900', 5, 'an upload has waited for 15 minutes'],
    'retry-waiting-too-long': [`${event('backlog')} | select max(cast(${field('retry_waiting_seconds')} as double)) as n`, '$1.n >= 3600', 5, 'an upload has had to be retried for an hour, and is still not read: its log lines say why'],
    'sweep-stopped': [`${event('backlog')} | select count(*) as n`, '$1.n < 1', 5, 'the sweep has not run for 5 minutes'],
  };
}

/** Logset, topic and index; returns their ids. */
async function ensure(api, name, days) {
  const logset = await named(api, 'DescribeLogsets', 'Logsets', 'logsetName', 'LogsetName', name);
  const LogsetId = logset ? logset.LogsetId : (await api.call('cls', 'CreateLogset', { LogsetName: name })).LogsetId;
  const topic = await named(api, 'DescribeTopics', 'Topics', 'topicName', 'TopicName', name);
  let TopicId = topic && topic.TopicId;
  if (TopicId) {
    await api.call('cls', 'ModifyTopic', { TopicId, Period: days });
  } else {
    TopicId = (await api.call('cls', 'CreateTopic', { LogsetId, TopicName: name, Period: days, StorageType: 'hot' })).TopicId;
    await api.call('cls', 'CreateIndex', {
      TopicId,
      Status: true,
      Rule: {
        FullText: { CaseSensitive: false, Tokenizer: TOKENS, ContainZH: true },
        KeyValue: {
          CaseSensitive: false,
          KeyValues: KEYS.map((Key) => ({
            Key,
            Value: { Type: 'text', Tokenizer: TOKENS, SqlFlag: true, ContainZH: true },
          })),
        },
      },
    });
  }
  return { logsetId: LogsetId, topicId: TopicId };
}

/** The id of the log topic, or undefined before the first deployment. */
async function topicOf(api, name) {
  const topic = await named(api, 'DescribeTopics', 'Topics', 'topicName', 'TopicName', name);
  return topic && topic.TopicId;
}

async function ensureAlarms(api, name, { logsetId, topicId }, notice, rate) {
  for (const [part, [Query, Condition, minutes, about]] of Object.entries(alarms(rate))) {
    const Name = `${name}-${part}`;
    const wanted = {
      Name,
      AlarmTargets: [
        { TopicId: topicId, LogsetId: logsetId, Query, Number: 1, StartTimeOffset: -minutes, EndTimeOffset: 0, SyntaxRule: 1 },
      ],
      MonitorTime: { Type: 'Period', Time: minutes },
      TriggerCount: 1,
      AlarmPeriod: 15,
      Condition,
      AlarmLevel: 1,
      AlarmNoticeIds: [notice],
      MessageTemplate: about,
      Status: true,
    };
    const found = await named(api, 'DescribeAlarms', 'Alarms', 'name', 'Name', Name);
    if (found) await api.call('cls', 'ModifyAlarm', { AlarmId: found.AlarmId, ...wanted });
    else await api.call('cls', 'CreateAlarm', wanted);
  }
}

async function remove(api, name) {
  for (const part of Object.keys(alarms(1))) {
    const found = await named(api, 'DescribeAlarms', 'Alarms', 'name', 'Name', `${name}-${part}`);
    if (found) await api.call('cls', 'DeleteAlarm', { AlarmId: found.AlarmId });
  }
  const topic = await named(api, 'DescribeTopics', 'Topics', 'topicName', 'TopicName', name);
  if (topic) await api.call('cls', 'DeleteTopic', { TopicId: topic.TopicId });
  const logset = await named(api, 'DescribeLogsets', 'Logsets', 'logsetName', 'LogsetName', name);
  if (logset) await api.call('cls', 'DeleteLogset', { LogsetId: logset.LogsetId });
}

/** Filters match parts of names too: only the whole name counts. */
async function named(api, action, list, key, property, name) {
  const found = await api.call('cls', action, { Filters: [{ Key: key, Values: [name] }], Offset: 0, Limit: 100 });
  return (found[list] || []).find((one) => one[property] === name);
}

module.exports = { alarms, ensure, ensureAlarms, remove, topicOf };
