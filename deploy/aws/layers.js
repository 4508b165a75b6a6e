'use strict';

/** A layer of the zips that `python -m layers.dependencies` leaves, for the Python that is deployed. */
const layer = (name, python, part, description) => ({
  name: `${name}-${part}`,
  description,
  package: { artifact: `build/layers/lambda-${python}-x86_64/${part}.zip` },
  compatibleRuntimes: [`python${python}`],
  compatibleArchitectures: ['x86_64'],
});

module.exports = async ({ resolveVariable }) => {
  const python = await resolveVariable('self:custom.python');
  const name = await resolveVariable('self:custom.name');
  return {
    dependencies: layer(name, python, 'dependencies', 'the official SDK client, msgspec, pydantic, vininfo'),
    vindrop: layer(name, python, 'vindrop', 'the library'),
    console: layer(name, python, 'console', "Jinja2, for the console's pages: the HTTP function alone"),
    photo: layer(name, python, 'photo', 'Pillow and HEIF: re-encodes what VinOCR does not take'),
  };
};
module.exports.layer = layer;
