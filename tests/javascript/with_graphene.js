// What an application does through graphene-pk11; checked by Node's own crypto. Usage: with_graphene.js SCENARIO
"use strict";

const assert = require("node:assert/strict");
const crypto = require("node:crypto");
const graphene = require("graphene-pk11");

const P256 = graphene.NamedCurve.getByName("secp256r1").value;

const scenarios = {
  describes(module, slot) {
    assert.equal(module.cryptokiVersion.major, 3);
    assert.ok(slot.flags & graphene.SlotFlag.TOKEN_PRESENT);
    const token = slot.getToken();
    assert.equal(token.label.trim(), process.env.TOKEN);
    assert.ok(token.flags & graphene.TokenFlag.TOKEN_INITIALIZED);
    const mechanisms = slot.getMechanisms();
    assert.ok(mechanisms.length > 40, `${mechanisms.length} mechanisms`);
    const names = [...Array(mechanisms.length).keys()].map((at) => mechanisms.items(at).name);
    for (const name of ["RSA_PKCS", "ECDSA", "AES_GCM", "SHA256_HMAC"]) assert.ok(names.includes(name), name);
  },

  digests(_module, _slot, session) {
    const digest = session.createDigest("SHA256");
    digest.update("simple text 1");
    digest.update("simple text 2");
    const wanted = crypto.createHash("sha256").update("simple text 1simple text 2").digest("hex");
    assert.equal(digest.final().toString("hex"), wanted);
    assert.notDeepEqual(session.generateRandom(20), session.generateRandom(20));
  },

  rsa(_module, _slot, session) {
    const keys = session.generateKeyPair(
      graphene.KeyGenMechanism.RSA,
      {
        keyType: graphene.KeyType.RSA, modulusBits: 2048, publicExponent: Buffer.from([1, 0, 1]), token: false,
        verify: true, encrypt: true,
      },
      { keyType: graphene.KeyType.RSA, token: false, sign: true, decrypt: true },
    );
    const read = keys.publicKey.getAttribute({ modulus: null, publicExponent: null });
    const key = crypto.createPublicKey({
      format: "jwk",
      key: { kty: "RSA", n: read.modulus.toString("base64url"), e: read.publicExponent.toString("base64url") },
    });
    const signature = session.createSign("SHA256_RSA_PKCS", keys.privateKey).once(Buffer.from("message"));
    assert.ok(crypto.verify("sha256", Buffer.from("message"), key, signature));
    assert.ok(session.createVerify("SHA256_RSA_PKCS", keys.publicKey).once(Buffer.from("message"), signature));
    assert.ok(!session.createVerify("SHA256_RSA_PKCS", keys.publicKey).once(Buffer.from("massage"), signature));

    const pss = {
      name: "SHA256_RSA_PKCS_PSS",
      params: new graphene.RsaPssParams(graphene.MechanismEnum.SHA256, graphene.RsaMgf.MGF1_SHA256, 32),
    };
    const parts = session.createSign(pss, keys.privateKey);
    parts.update(Buffer.from("mess"));
    parts.update(Buffer.from("age"));
    const options = { key, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    assert.ok(crypto.verify("sha256", Buffer.from("message"), options, parts.final()));

    const oaep = {
      name: "RSA_PKCS_OAEP",
      params: new graphene.RsaOaepParams(graphene.MechanismEnum.SHA256, graphene.RsaMgf.MGF1_SHA256),
    };
    const padding = crypto.constants.RSA_PKCS1_OAEP_PADDING;
    const encrypted = crypto.publicEncrypt({ key, padding, oaepHash: "sha256" }, Buffer.from("secret"));
    const plain = session.createDecipher(oaep, keys.privateKey).once(encrypted, Buffer.alloc(256));
    assert.equal(plain.toString(), "secret");
  },

  elliptic_curves(_module, _slot, session) {
    const generate = () => session.generateKeyPair(
      graphene.KeyGenMechanism.EC,
      { keyType: graphene.KeyType.EC, token: false, verify: true, paramsEC: P256 },
      { keyType: graphene.KeyType.EC, token: false, sign: true, derive: true },
    );
    const point = (keys) => keys.publicKey.getAttribute({ pointEC: null }).pointEC.subarray(2);
    const [mine, yours] = [generate(), generate()];
    const signature = session.createSign("ECDSA_SHA256", mine.privateKey).once(Buffer.from("message"));
    const bytes = point(mine);
    const key = crypto.createPublicKey({
      format: "jwk",
      key: {
        kty: "EC", crv: "P-256", x: bytes.subarray(1, 33).toString("base64url"),
        y: bytes.subarray(33).toString("base64url"),
      },
    });
    assert.ok(crypto.verify("sha256", Buffer.from("message"), { key, dsaEncoding: "ieee-p1363" }, signature));

    const agreed = (own, other) => {
      const params = new graphene.EcdhParams(graphene.EcKdf.NULL, null, point(other));
      const template = {
        token: false, class: graphene.ObjectClass.SECRET_KEY, keyType: graphene.KeyType.GENERIC_SECRET,
        valueLen: 32, sensitive: false, extractable: true,
      };
      const secret = session.deriveKey({ name: "ECDH1_DERIVE", params }, own.privateKey, template);
      return secret.getAttribute({ value: null }).value;
    };
    assert.deepEqual(agreed(mine, yours), agreed(yours, mine));
  },

  aes(_module, _slot, session) {
    const value = crypto.randomBytes(32);
    const key = session.create({
      class: graphene.ObjectClass.SECRET_KEY, keyType: graphene.KeyType.AES, token: false, value,
      encrypt: true, decrypt: true, wrap: true, unwrap: true,
    }).toType();
    const [iv, aad, plain] = [crypto.randomBytes(12), Buffer.from("aad"), crypto.randomBytes(1000)];
    const gcm = { name: "AES_GCM", params: new graphene.AesGcm240Params(iv, aad, 128) };
    const encrypted = session.createCipher(gcm, key).once(plain, Buffer.alloc(2000));
    const decipher = crypto.createDecipheriv("aes-256-gcm", value, iv).setAAD(aad);
    decipher.setAuthTag(encrypted.subarray(1000));
    assert.deepEqual(Buffer.concat([decipher.update(encrypted.subarray(0, 1000)), decipher.final()]), plain);
    encrypted[3] ^= 1;
    assert.throws(() => session.createDecipher(gcm, key).once(encrypted, Buffer.alloc(2000)));

    const cbc = { name: "AES_CBC_PAD", params: crypto.randomBytes(16) };
    const cipher = session.createCipher(cbc, key);
    const parts = [cipher.update(plain.subarray(0, 333)), cipher.update(plain.subarray(333)), cipher.final()];
    const other = crypto.createDecipheriv("aes-256-cbc", value, cbc.params);
    assert.deepEqual(Buffer.concat([other.update(Buffer.concat(parts)), other.final()]), plain);

    const wrapped = session.generateKey(graphene.KeyGenMechanism.AES, {
      token: false, class: graphene.ObjectClass.SECRET_KEY, keyType: graphene.KeyType.AES, valueLen: 16,
      sensitive: false, extractable: true, encrypt: true,
    });
    const bytes = session.wrapKey({ name: "AES_KEY_WRAP" }, key, wrapped);
    const template = {
      token: false, class: graphene.ObjectClass.SECRET_KEY, keyType: graphene.KeyType.AES, sensitive: false,
      extractable: true, encrypt: true,
    };
    const again = session.unwrapKey({ name: "AES_KEY_WRAP" }, key, bytes, template);
    assert.deepEqual(again.getAttribute({ value: null }), wrapped.getAttribute({ value: null }));
  },

  macs(_module, _slot, session) {
    const value = crypto.randomBytes(40);
    const key = session.create({
      class: graphene.ObjectClass.SECRET_KEY, keyType: graphene.KeyType.GENERIC_SECRET, token: false, value,
      sign: true, verify: true,
    }).toType();
    const mac = session.createSign("SHA512_HMAC", key).once(Buffer.from("message"));
    assert.deepEqual(mac, crypto.createHmac("sha512", value).update("message").digest());
    assert.ok(session.createVerify("SHA512_HMAC", key).once(Buffer.from("message"), mac));
  },

  objects(_module, _slot, session) {
    const template = { class: graphene.ObjectClass.DATA, token: true, private: false, label: "data" };
    for (const text of ["one", "two", "three"]) {
      session.create({ ...template, application: "test", value: Buffer.from(text) });
    }
    const found = session.find({ class: graphene.ObjectClass.DATA, label: "data" });
    assert.equal(found.length, 3);
    const data = found.items(0).toType();
    assert.equal(data.getAttribute({ application: null }).application, "test");
    data.setAttribute({ label: "renamed" });
    assert.equal(session.find({ label: "renamed" }).length, 1);
    const copy = session.copy(data, { token: false, label: "copy" });
    assert.deepEqual(copy.getAttribute({ value: null }), data.getAttribute({ value: null }));
    assert.equal(session.destroy({ class: graphene.ObjectClass.DATA }), 4);
    assert.equal(session.find({ class: graphene.ObjectClass.DATA }).length, 0);
  },

  logins(_module, slot, session) {
    session.logout();
    const key = () => session.generateKey(graphene.KeyGenMechanism.AES, {
      token: false, class: graphene.ObjectClass.SECRET_KEY, keyType: graphene.KeyType.AES, valueLen: 16,
      private: true, encrypt: true,
    });
    assert.throws(key, /CKR_USER_NOT_LOGGED_IN/);
    assert.throws(() => session.login("app:wrong"), /CKR_PIN_INCORRECT/);
    session.login(process.env.PIN);
    assert.throws(() => session.login(process.env.PIN), /CKR_USER_ALREADY_LOGGED_IN/);
    key();
    const second = slot.open(graphene.SessionFlag.SERIAL_SESSION);
    second.close();
  },
};

const module_ = graphene.Module.load(process.env.MODULE, "module");
module_.initialize();
try {
  const slot = module_.getSlots(0);
  const session = slot.open(graphene.SessionFlag.RW_SESSION | graphene.SessionFlag.SERIAL_SESSION);
  session.login(process.env.PIN);
  scenarios[process.argv[2]](module_, slot, session);
  session.close();
} finally {
  module_.finalize();
}
