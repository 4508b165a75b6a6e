'use strict';

/**
 * Alarms and the dashboard. The numbers are those of vindrop/telemetry.py: log lines in CloudWatch's
 * embedded metric format, per function, in the namespace `vindrop`.
 */

const NAMESPACE = 'vindrop';
const PARTS = ['upload', 'http', 'step', 'sweep'];

module.exports = async ({ resolveVariable }) => {
  const name = await resolveVariable('self:custom.name');
  const rate = Number(await resolveVariable('param:rate'));

  const metric = (id, metricName, part, stat, period) => ({
    Id: id,
    MetricStat: {
      Metric: {
        Namespace: NAMESPACE,
        MetricName: metricName,
        Dimensions: [{ Name: 'function', Value: `${name}-${part}` }],
      },
      Period: period,
      Stat: stat,
    },
    ReturnData: false,
  });
  /** Alarms when the sum over all functions is `threshold` or more within `period` seconds. */
  const total = (AlarmDescription, metricName, threshold, period = 300) => ({
    AlarmDescription,
    Metrics: [
      ...PARTS.map((part) => metric(part, metricName, part, 'Sum', period)),
      {
        Id: 'total',
        Expression: PARTS.map((part) => `FILL(${part}, 0)`).join(' + '),
        Label: metricName,
        ReturnData: true,
      },
    ],
    ComparisonOperator: 'GreaterThanOrEqualToThreshold',
    Threshold: threshold,
    EvaluationPeriods: 1,
  });
  const one = (AlarmDescription, Namespace, MetricName, dimension, Statistic, Threshold, more) => ({
    AlarmDescription,
    Namespace,
    MetricName,
    Dimensions: [{ Name: dimension[0], Value: dimension[1] }],
    Period: 60,
    EvaluationPeriods: 1,
    ComparisonOperator: 'GreaterThanOrEqualToThreshold',
    Statistic,
    Threshold,
    ...more,
  });
  const sweep = ['function', `${name}-sweep`];
  const refusals = Math.max(10, Math.round(rate * 300 * 0.01));
  const queue = ['QueueName', { 'Fn::GetAtt': ['GivenUpEvents', 'QueueName'] }];
  const stopped = { Period: 300, ComparisonOperator: 'LessThanThreshold', TreatMissingData: 'breaching' };

  const alarms = {
    DeadLetters: total('photos ended without a reading: vindrop dead-letters lists them', 'dead_letters', 1),
    CircuitOpen: one('VinOCR refuses the account (arrears, package used up, keys): all uploads wait',
      NAMESPACE, 'circuit_open', sweep, 'Maximum', 1),
    DailyCap: total('the calls of this day are made (VINDROP_DAILY_CALLS): uploads wait for tomorrow',
      'daily_cap_reached', 1),
    Refusals: total('VinOCR refuses for the rate: something else uses the account, or VINDROP_RATE is too high',
      'refusals', refusals),
    Undelivered: total('answers could not be delivered: is a destination away?', 'undelivered', 1),
    OldestWaiting: one('an upload has waited for 15 minutes', NAMESPACE, 'oldest_seconds', sweep, 'Maximum', 900),
    RetryWaitingTooLong: one('an upload has had to be retried for an hour, and is still not read: its log lines say why',
      NAMESPACE, 'retry_waiting_seconds', sweep, 'Maximum', 3600),
    SweepStopped: one('the sweep has not run for 5 minutes', 'AWS/Lambda', 'Invocations',
      ['FunctionName', { Ref: 'SweepLambdaFunction' }], 'Sum', 1, stopped),
    UploadErrors: one('the upload function raises: its log says why', 'AWS/Lambda', 'Errors',
      ['FunctionName', { Ref: 'UploadLambdaFunction' }], 'Sum', 1, { Period: 300 }),
    GivenUpEvents: one('events were given up: they wait two weeks in this queue', 'AWS/SQS',
      'ApproximateNumberOfMessagesVisible', queue, 'Maximum', 1),
  };
  const Resources = {};
  for (const [part, properties] of Object.entries(alarms)) {
    Resources[`${part}Alarm`] = {
      Type: 'AWS::CloudWatch::Alarm',
      Properties: {
        AlarmName: `${name}-${part}`,
        TreatMissingData: 'notBreaching',
        AlarmActions: [{ Ref: 'AlarmsTopic' }],
        OKActions: [{ Ref: 'AlarmsTopic' }],
        ...properties,
      },
    };
  }
  Resources.Dashboard = {
    Type: 'AWS::CloudWatch::Dashboard',
    Properties: { DashboardName: name, DashboardBody: { 'Fn::Sub': dashboard(name) } },
  };
  return { template: { Resources } };
};

function dashboard(name) {
  const widget = (type, x, y, title, more) => {
    const properties = { title, region: '${AWS::Region}', ...more };
    return { type, x, y, width: 12, height: 6, properties };
  };
  const line = (title, x, y, names, stat = 'Sum', parts = PARTS) => {
    const metrics = names.flatMap((metricName) =>
      parts.map((part) => [NAMESPACE, metricName, 'function', `${name}-${part}`])
    );
    return widget('metric', x, y, title, { stat, period: 60, metrics });
  };
  const waiting = ['waiting', 'oldest_seconds', 'retry_waiting_seconds', 'circuit_open'];
  const widgets = [
    line('readings and dead letters', 0, 0, ['readings', 'dead_letters']),
    line('calls, billed calls, refusals for the rate', 12, 0, ['calls', 'billed', 'refusals']),
    line('retry scheduled, not delivered', 0, 6, ['retries_scheduled', 'undelivered']),
    line('seconds per upload, 95th percentile', 12, 6, ['seconds'], 'p95'),
    line('uploads that wait, seconds of the oldest; is the circuit open', 0, 12, waiting, 'Maximum', ['sweep']),
    widget('log', 12, 12, 'dead letters by code', {
      view: 'table',
      query: `SOURCE '/aws/lambda/${name}-upload' | SOURCE '/aws/lambda/${name}-sweep' | filter event = 'dead_letter' | stats count(*) as uploads by code, reason | sort uploads desc`,
    }),
  ];
  return JSON.stringify({ widgets });
}
