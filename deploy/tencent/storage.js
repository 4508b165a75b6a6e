'use strict';

/**
 * The photos' bucket, which is yours: the rules that the page needs are added to it, and those of
 * your own stay. The page puts large photos by a signed URL, which is what lets them in; the CORS
 * rule only lets browsers try. What was put and never asked for is deleted after a day. Objects are
 * encrypted by COS with keys of its own (SSE-COS) where the bucket says nothing else.
 */

const CORS = 'vindrop-page';
const LIFECYCLE = 'vindrop-uploads';

/** The rules of the bucket, with ours in the place of an earlier one of ours. */
const merged = (rules, own) => [...(rules || []).filter(({ ID }) => ID !== own.ID), own];

const corsRule = () => ({
  ID: CORS,
  AllowedOrigin: ['*'],
  AllowedMethod: ['PUT'],
  AllowedHeader: ['*'],
  ExposeHeader: ['ETag', 'x-cos-request-id'],
  MaxAgeSeconds: '600',
});

const lifecycleRule = (prefix) => ({
  ID: LIFECYCLE,
  Status: 'Enabled',
  Filter: { Prefix: prefix },
  Expiration: { Days: '1' },
  AbortIncompleteMultipartUpload: { DaysAfterInitiation: '1' },
});

/**
 * Makes the bucket ready for the page.
 * @param client cos-nodejs-sdk-v5's
 * @param where {Bucket, Region}
 */
async function ensure(client, where, prefix) {
  const cors = await client.getBucketCors(where);
  await client.putBucketCors({ ...where, CORSRules: merged(cors.CORSRules, corsRule()) });
  const lifecycle = await client.getBucketLifecycle(where);
  await client.putBucketLifecycle({ ...where, Rules: merged(lifecycle.Rules, lifecycleRule(prefix)) });
  const encryption = await client.getBucketEncryption(where);
  if (!encryption.EncryptionConfiguration.Rules.length) {
    const Rules = [{ ApplySideEncryptionConfiguration: { SSEAlgorithm: 'AES256' } }];
    await client.putBucketEncryption({ ...where, ServerSideEncryptionConfiguration: { Rule: Rules } });
  }
}

/** Takes our rules away; the bucket and all else in it stays. */
async function remove(client, where) {
  const cors = await client.getBucketCors(where);
  const CORSRules = (cors.CORSRules || []).filter(({ ID }) => ID !== CORS);
  await (CORSRules.length ? client.putBucketCors({ ...where, CORSRules }) : client.deleteBucketCors(where));
  const lifecycle = await client.getBucketLifecycle(where);
  const Rules = (lifecycle.Rules || []).filter(({ ID }) => ID !== LIFECYCLE);
  await (Rules.length ? client.putBucketLifecycle({ ...where, Rules }) : client.deleteBucketLifecycle(where));
}

module.exports = { ensure, remove };
