'use strict';

/** Which cloud, said in words where it is neither. */
module.exports = async () => {
  const name = process.env.CLOUD || 'tencent';
  if (!['tencent', 'aws'].includes(name)) {
    throw new Error(`CLOUD is '${name}': it takes tencent or aws`);
  }
  return { name };
};
