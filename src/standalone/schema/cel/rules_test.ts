import { assertEquals, assertStringIncludes, assertThrows } from "@virtrigaud/deps";
import { compileSchema, type ObjectSchema } from "../compile.ts";
import { errorText } from "../errors.ts";
import type { JsonObject, JsonValue, StructuralSchema, ValidationRule } from "../types.ts";

const rules = (...list: (ValidationRule | string)[]): StructuralSchema => ({
  "x-kubernetes-validations": list.map((rule) => (typeof rule === "string" ? { rule } : rule)),
});
const text: StructuralSchema = { type: "string" };
const integer: StructuralSchema = { type: "integer" };

const SPEC: StructuralSchema = {
  type: "object",
  properties: {
    a: { type: "integer", maximum: 1000, ...rules("self > 0") },
    b: { ...text, ...rules({ rule: "self == oldSelf", message: "b is immutable" }) },
    c: {
      ...text,
      ...rules({
        rule: "self != 'bad'",
        messageExpression: "'bad value ' + self",
        message: "fallback",
        reason: "FieldValueForbidden",
      }),
    },
    d: {
      type: "object",
      properties: { x: integer, y: text },
      ...rules(
        { rule: "!has(self.x) || self.x < 5", fieldPath: ".x", reason: "FieldValueRequired", message: "x small" },
        { rule: "!has(self.y) || self.y != 'q'", fieldPath: ".y" },
      ),
    },
    e: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["n"],
      items: {
        type: "object",
        required: ["n"],
        properties: { n: text, v: { ...integer, ...rules({ rule: "self >= oldSelf", message: "only grows" }) } },
      },
    },
    f: { type: "object", additionalProperties: { ...integer, ...rules("self < 3") } },
    g: {
      ...text,
      ...rules({ rule: "oldSelf.orValue('z') == 'z' || self == 'k'", optionalOldSelf: true, message: "opt" }),
    },
    h: {
      "x-kubernetes-int-or-string": true,
      ...rules({ rule: "type(self) == int ? self > 0 : self.size() > 2", message: "h" }),
    },
    i: { ...text, ...rules("isIP(self)", "self.matches('^1')") },
    j: { ...text, nullable: true },
    k: { ...text, ...rules({ rule: "quantity(self).isGreaterThan(quantity('1Gi'))", message: "big" }) },
    l: { type: "array", items: { ...text, ...rules("self != 'n'") } },
    m: { ...text, format: "duration", ...rules({ rule: "self > duration('1m')", message: "m" }) },
    ow: {
      type: "object",
      properties: { namespace: text, "foo-bar": integer, a__b: integer },
      ...rules(
        "!has(self.__namespace__) || self.__namespace__ != 'x'",
        "!has(self.foo__dash__bar) || self.foo__dash__bar > 1",
        "!has(self.a__underscores__b) || self.a__underscores__b > 1",
      ),
    },
  },
  ...rules(
    { rule: "!has(self.j) || self.j != 'z'", message: "j" },
    { rule: "!has(self.l) || self.l.all(s, s.size() < 4)", message: "l long" },
  ),
};
const SCHEMA: ObjectSchema = compileSchema({
  type: "object",
  properties: { spec: SPEC },
  ...rules({ rule: "self.metadata.name != 'evil'", message: "evil name" }),
});

const object = (spec: JsonObject, name = "x"): JsonObject => ({ metadata: { name }, spec });
const check = (spec: JsonObject, old?: JsonObject, name?: string) =>
  SCHEMA.validate(object(spec, name), old && object(old)).map(errorText).join("; ");

// Every outcome below was given by kube-apiserver 1.36.3 for the same schema and value.
const CASES: [spec: JsonObject, old: JsonObject | undefined, message: string][] = [
  [{ a: 0 }, undefined, "spec.a: Invalid value: 0: failed rule: self > 0"],
  [
    { a: 0, ow: 5 },
    undefined,
    'spec.ow: Invalid value: "integer": spec.ow in body must be of type object: "integer"; <nil>: Invalid value: null: ' +
    "some validation rules were not checked because the object was invalid; correct the existing errors to complete " +
    "validation",
  ],
  [
    { a: 5000, c: "bad" },
    undefined,
    "spec.a: Invalid value: 5000: spec.a in body should be less than or equal to 1000; spec.c: Forbidden: bad value bad",
  ],
  [{ d: { x: 9 } }, undefined, "spec.d.x: Required value: x small"],
  [{ d: { y: "q" } }, undefined, "spec.d.y: Invalid value: failed rule: !has(self.y) || self.y != 'q'"],
  [
    { e: [{ n: "1", v: 1 }] },
    { e: [{ n: "0", v: 9 }, { n: "1", v: 5 }] },
    "spec.e[0].v: Invalid value: 1: only grows",
  ],
  [{ f: { "q.w/e": 7 } }, undefined, "spec.f[q.w/e]: Invalid value: 7: failed rule: self < 3"],
  [{ g: "q" }, undefined, ""],
  [{ g: "q" }, { g: "z" }, ""],
  [{ g: "q" }, { g: "k" }, 'spec.g: Invalid value: "q": opt'],
  [{ g: "k" }, { g: "k" }, ""],
  [{ h: 0 }, undefined, "spec.h: Invalid value: 0: h"],
  [{ h: "a" }, undefined, 'spec.h: Invalid value: "a": h'],
  [{ h: "abc" }, undefined, ""],
  [
    { i: "x" },
    undefined,
    'spec.i: Invalid value: "x": failed rule: isIP(self); spec.i: Invalid value: "x": failed rule: self.matches(\'^1\')',
  ],
  [{ j: null }, undefined, ""],
  [{ j: "z" }, undefined, "spec: Invalid value: j"],
  [{ k: "1Mi" }, undefined, 'spec.k: Invalid value: "1Mi": big'],
  [
    { k: "zz" },
    undefined,
    'spec.k: Invalid value: "string": quantities must match the regular expression ' +
    "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$' evaluating rule: big",
  ],
  [{ k: "2Gi" }, undefined, ""],
  [
    { l: ["a", "n", "bcdef"] },
    undefined,
    "spec: Invalid value: l long; spec.l[1]: Invalid value: \"n\": failed rule: self != 'n'",
  ],
  [{ m: "5s" }, undefined, 'spec.m: Invalid value: "5s": m'],
  [{ m: "2m" }, undefined, ""],
  [{ b: "y" }, { b: "x" }, 'spec.b: Invalid value: "y": b is immutable'],
  [{}, { b: "x" }, ""],
  [{ b: "y" }, {}, ""],
  [
    { ow: { namespace: "x", "foo-bar": 1, a__b: 0 } },
    undefined,
    "spec.ow: Invalid value: failed rule: !has(self.__namespace__) || self.__namespace__ != 'x'; " +
    "spec.ow: Invalid value: failed rule: !has(self.foo__dash__bar) || self.foo__dash__bar > 1; " +
    "spec.ow: Invalid value: failed rule: !has(self.a__underscores__b) || self.a__underscores__b > 1",
  ],
  [
    { e: [{ n: "1" }, { n: "1" }], a: 0 },
    undefined,
    'spec.e[1]: Duplicate value: {"n":"1"}; spec.a: Invalid value: 0: failed rule: self > 0',
  ],
];

Deno.test("rules are evaluated and reported as the real server does", () => {
  for (const [spec, old, message] of CASES) {
    assertEquals(check(spec, old), message, `${JSON.stringify(spec)} after ${JSON.stringify(old)}`);
  }
  assertEquals(check({}, undefined, "evil"), "<nil>: Invalid value: evil name");
});

Deno.test("a rule is not held against a part that has not changed", () => {
  assertEquals(check({ a: 0, b: "n" }, { a: 0 }), "");
  assertEquals(check({ a: -1 }, { a: 0 }), "spec.a: Invalid value: -1: failed rule: self > 0");
});

Deno.test("objects and lists are compared by content in transition rules", () => {
  const immutable: StructuralSchema = {
    type: "object",
    properties: { o: { type: "object", properties: { q: { type: "array", items: integer } } }, n: integer },
    ...rules({ rule: "self.o == oldSelf.o", message: "o is immutable" }),
  };
  const schema = compileSchema({ properties: { spec: immutable } });
  const after = (q: number[], n: number) =>
    schema.validate(object({ o: { q }, n }), object({ o: { q: [1, 2] }, n: 0 }));
  assertEquals(after([1, 2], 1).map(errorText), []);
  assertEquals(after([2, 1], 1).map(errorText), ["spec: Invalid value: o is immutable"]);
});

Deno.test("the order of sets and map lists does not matter to equality, that of other lists does", () => {
  const map: StructuralSchema = {
    type: "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["n"],
    items: { type: "object", properties: { n: text, v: integer } },
  };
  const properties = {
    map,
    inner: { type: "object", properties: { set: { type: "array", "x-kubernetes-list-type": "set", items: text } } },
  } as const;
  const schema = compileSchema({
    properties: {
      spec: { type: "object", properties, ...rules("self.map == oldSelf.map", "self.inner == oldSelf.inner") },
    },
  });
  const spec = (map: JsonObject[], set: string[], n = 0): JsonObject => ({ map, inner: { set }, n });
  const [a, b] = [{ n: "a", v: 1 }, { n: "b", v: 2 }];
  const errors = (now: JsonObject) => schema.validate(object(now), object(spec([a, b], ["x", "y"]))).length;
  assertEquals(errors(spec([b, a], ["y", "x"])), 0);
  assertEquals(errors(spec([b, { n: "a", v: 9 }], ["x", "y"])), 1);
  assertEquals(errors(spec([a, b], ["x", "z"])), 1);
  assertEquals(errors(spec([a], ["x"])), 2);
});

const specWith = (rule: ValidationRule | string, properties: Record<string, StructuralSchema> = {}) => () =>
  compileSchema({
    properties: {
      spec: {
        type: "object",
        properties: { x: integer, y: text, namespace: text, open: TYPES.any ?? {}, ...properties },
        ...rules(rule),
      },
    },
  }, { name: "bads.t.io" });

Deno.test("a rule that cannot be honoured is refused when the schema is compiled, by name", () => {
  const bad: [ValidationRule | string, string][] = [
    ["self.nope > 1", "nope"],
    ["has(self.nope)", "nope"],
    ["self.x + 'a' == 'b'", "no such overload"],
    ["nofn(self)", "nofn"],
    ["self.y.foo()", "foo"],
    ["self.x", "must evaluate to a bool"],
    ["self.x ==", "compilation failed"],
    ["cel.bind(a, self.x, a > 1)", "not a function of Kubernetes"],
    ["bytes('a').hex() == '61'", "not a function of Kubernetes"],
    ["self.open.k == 1", "open"],
    [{ rule: "true", messageExpression: "self.x" }, "must evaluate to a string"],
    [{ rule: "true", fieldPath: ".nope" }, "does not refer to a field"],
    [{ rule: "true", fieldPath: "x" }, "not of the form"],
  ];
  for (const [rule, why] of bad) {
    const { message } = assertThrows(specWith(rule));
    assertStringIncludes(message, why);
    assertStringIncludes(message, "bads.t.io");
    assertStringIncludes(message, typeof rule === "string" ? JSON.stringify(rule) : '"true"');
  }
  const uncorrelated: StructuralSchema = { type: "array", items: { ...integer, ...rules("self > oldSelf") } };
  assertStringIncludes(assertThrows(specWith("true", { l: uncorrelated })).message, "oldSelf cannot be used");
  specWith("self.namespace == 'x' || self.__namespace__ == 'y'")();
});

const TYPES: Record<string, StructuralSchema> = {
  s: text,
  n: { type: "number" },
  i: integer,
  t: { ...text, format: "date-time" },
  d: { ...text, format: "duration" },
  raw: { ...text, format: "byte" },
  l: { type: "array", items: text },
  li: { type: "array", items: integer },
  m: { type: "object", additionalProperties: integer },
  o: { type: "object", properties: { p: text, q: { type: "array", items: integer } } },
  any: { "x-kubernetes-preserve-unknown-fields": true },
};
const VALUE: JsonObject = {
  s: "hello world",
  n: 1.5,
  i: 7,
  t: "2026-01-02T03:04:05Z",
  d: "1h30m",
  raw: "aGk=",
  l: ["b", "a", "c"],
  li: [3, 1, 2],
  m: { a: 1, b: 2 },
  o: { p: "x", q: [1, 2] },
  any: { k: [1, { z: 2 }], f: 2.5 },
};

// Every rule below was accepted by kube-apiserver 1.36.3 and held for VALUE.
Deno.test("the functions of Kubernetes' CEL are there and right", () => {
  const held = [
    "self.s.startsWith('hello') && self.s.endsWith('world') && self.s.contains('lo w') && self.s.size() == 11",
    "self.s.split(' ').size() == 2 && self.l.join(',') == 'b,a,c' && self.s.replace('l', 'L') == 'heLLo worLd'",
    "self.s.upperAscii() == 'HELLO WORLD' && self.s.charAt(4) == 'o' && self.s.substring(0, 5) == 'hello'",
    "self.s.find('w[a-z]+') == 'world' && self.s.findAll('o').size() == 2 && self.s.matches('^h.*d$')",
    "self.n > 1.0 && self.n < 2 && self.i % 2 == 1 && double(self.i) == 7.0 && int('3') == 3",
    "self.t < timestamp('2027-01-01T00:00:00Z') && self.t.getFullYear() == 2026",
    "self.d == duration('90m') && self.d.getMinutes() == 90",
    "size(self.raw) == 2",
    "self.l.exists(x, x == 'a') && self.l.exists_one(x, x == 'b') && !self.l.all(x, x < 'c')",
    "self.l.map(x, x + '!') == ['b!', 'a!', 'c!'] && self.l.filter(x, x != 'c').size() == 2",
    "self.li.sum() == 6 && self.li.max() == 3 && self.li.min() == 1 && !self.li.isSorted() && self.l.indexOf('a') == 1",
    "'a' in self.m && self.m.all(k, self.m[k] > 0) && self.m.exists(k, self.m[k] == 2)",
    "self.o == self.o && has(self.o.p) && self.o.q[1] == 2",
    "self.?s.hasValue() && self.o.?p.orValue('none') == 'x'",
    "sets.contains(self.l, ['a', 'b']) && sets.equivalent(self.l, ['c', 'b', 'a']) && sets.intersects(self.l, ['a'])",
    "isQuantity('1.5Gi') && !isQuantity('1.5 Gi') && quantity('1.5Gi').compareTo(quantity('1536Mi')) == 0",
    "quantity('2').add(quantity('500m')).isLessThan(quantity('3')) && quantity('1k').asInteger() == 1000",
    "quantity('1Ki').sub(24) == quantity('1k')",
    "isIP('::1') && !isIP('1.2.3') && !isIP('::ffff:1.2.3.4') && ip('10.0.0.1').family() == 4",
    "ip('127.0.0.1').isLoopback() && ip('fe80::1').isLinkLocalUnicast() && ip('8.8.8.8').isGlobalUnicast()",
    "isCIDR('10.0.0.0/8') && !isCIDR('10.0.0.0/33') && cidr('10.0.0.0/8').containsIP('10.9.9.9')",
    "cidr('10.1.0.0/8').masked() == cidr('10.0.0.0/8') && cidr('fd00::/8').prefixLength() == 8",
    "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && !cidr('10.0.0.0/8').containsCIDR('0.0.0.0/0')",
    "string(ip('2001:0db8:0:0:0:0:0:1')) == '2001:db8::1' && string(cidr('::/0').ip()) == '::'",
    "isURL('https://h:81/p') && !isURL('x') && url('https://h:81/p?a=b').getPort() == '81'",
    "url('https://h:81/p?a=b').getScheme() == 'https' && url('/p/q').getEscapedPath() == '/p/q'",
  ];
  for (const rule of held) {
    const schema = compileSchema({ properties: { spec: { type: "object", properties: TYPES, ...rules(rule) } } });
    assertEquals(schema.validate(object(VALUE)).map(errorText), [], rule);
    const negated = compileSchema({
      properties: { spec: { type: "object", properties: TYPES, ...rules(`!(${rule})`) } },
    });
    assertEquals(negated.validate(object(VALUE)).length, 1, rule);
  }
});

Deno.test("a rule that fails to evaluate is an error, not a pass", () => {
  const schema = compileSchema({
    properties: {
      spec: { type: "object", properties: TYPES, ...rules({ rule: "self.s == 'x'", message: "needs s" }) },
    },
  });
  const [error] = schema.validate(object({}));
  assertEquals(error?.field, "spec");
  assertStringIncludes(error?.detail ?? "", "evaluating rule: needs s");
});

Deno.test("a message expression that fails or yields nothing leaves the fixed message", () => {
  const message = (messageExpression: string, spec: JsonValue) => {
    const rule = { rule: "self == 'ok'", message: "fixed", messageExpression };
    return compileSchema({ properties: { spec: { ...text, ...rules(rule) } } }).validate({ spec }).map(errorText);
  };
  assertEquals(message("self.charAt(99)", "no"), ['spec: Invalid value: "no": fixed']);
  assertEquals(message("'  '", "no"), ['spec: Invalid value: "no": fixed']);
  assertEquals(message("'not ' + self", "no"), ['spec: Invalid value: "no": not no']);
});
