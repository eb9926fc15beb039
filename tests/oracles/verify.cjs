// SPDX-License-Identifier: Apache-2.0
// node verify.cjs KEY.pem BUNDLE...: what @sigstore/verify says of each, one JSON line per bundle.
const { bundleFromJSON } = require("@sigstore/bundle");
const { Verifier, toSignedEntity, toTrustMaterial } = require("@sigstore/verify");
const { TrustedRoot } = require("@sigstore/protobuf-specs");
const crypto = require("crypto");
const fs = require("fs");

const [pem, ...files] = process.argv.slice(2);
const key = crypto.createPublicKey(fs.readFileSync(pem));
const hint = crypto
  .createHash("sha256")
  .update(key.export({ type: "spki", format: "pem" }))
  .digest("hex");
const root = TrustedRoot.fromJSON({
  mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
  certificateAuthorities: [],
  tlogs: [],
  ctlogs: [],
  timestampAuthorities: JSON.parse(process.env.TIMESTAMP_AUTHORITIES || "[]"),
});
const find = (id) => {
  if (id !== hint) throw Error(`unknown key ${id}`);
  return { publicKey: key, validFor: () => true };
};
const verifier = new Verifier(toTrustMaterial(root, find), {
  tlogThreshold: 0,
  ctlogThreshold: 0,
  timestampThreshold: 0,
});

for (const file of files) {
  let answer = { file, accepted: true };
  try {
    verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(fs.readFileSync(file, "utf8")))));
  } catch (error) {
    answer = { file, accepted: false, reason: String(error.message) };
  }
  console.log(JSON.stringify(answer));
}
