'use strict';

/** Where `python -m layers.dependencies` leaves the zips, for the Python that is deployed. */
module.exports = async ({ resolveVariable }) => {
  const python = await resolveVariable('self:custom.python');
  const name = await resolveVariable('self:custom.name');
  const layer = (part, description) => ({
    name: `${name}-${part}`,
    description,
    package: { artifact: `build/layers/lambda-${python}-x86_64/${part}.zip` },
    compatibleRuntimes: [`python${python}`],
    compatibleArchitectures: ['x86_64'],
  });
  return {
    dependencies: layer('dependencies', 'the official SDK client, msgspec, pydantic, vininfo'),
    vindrop: layer('vindrop', 'the library'),
    photo: layer('photo', 'Pillow and HEIF: re-encodes what VinOCR does not take'),
  };
};
