'use strict';

/** Which cloud, said in words where it is neither. */
module.exports = async () => {
  const name = process.env.CLOUD || 'tencent';
  if (!['tencent', 'aws'].includes(name)) {
    const error = new Error(`CLOUD is '${name}': it takes tencent or aws`);
    error.stack = error.message; // osls would print where, which helps nobody
    throw error;
  }
  return { name };
};
