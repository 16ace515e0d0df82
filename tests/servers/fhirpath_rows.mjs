// Holds our rows of ViewDefinitions against those of fhirpath.js, an engine that nobody here wrote.
//
// Usage: FHIRPATH=FOLDER node fhirpath_rows.mjs PAYERSYNC VIEWS RESOURCES.ndjson
//
// Runs every definition in the folder VIEWS over the resources of its type, here and with
// `payersync views run`, and compares cell for cell. Prints each kind of difference (column, how often,
// the first of them), then how many cells of how many resources agree. FHIRPATH names the folder with
// node_modules/fhirpath.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const require = createRequire(resolve(process.env.FHIRPATH ?? ".", "index.js"));
const fhirpath = require("fhirpath");
const model = require("fhirpath/fhir-context/r4");
const [payersync, folder, input] = process.argv.slice(2);

const functions = {
  getResourceKey: { fn: (nodes) => nodes.map((node) => node.id), arity: { 0: [] } },
  getReferenceKey: {
    fn: (nodes, type) => nodes.flatMap((node) => {
      const found = /^([A-Za-z]+)\/([^/?#]+)(\/_history\/[^/]+)?$/.exec(node?.reference ?? "");
      return found && (!type || found[1] === type) ? [found[2]] : [];
    }),
    // A type is a name without quotes in a view, and a string here.
    arity: { 0: [], 1: ["String"] },
  },
};
const options = { userInvocationTable: functions };
const programs = new Map();

function evaluate(path, node, row) {
  if (!programs.has(path)) {
    const spelled = path.replace(/getReferenceKey\((\w+)\)/g, "getReferenceKey('$1')");
    programs.set(path, fhirpath.compile(spelled, model, options));
  }
  return programs.get(path)(node, { rowIndex: row.index, ...row.constants });
}

const product = (left, right) => left.flatMap((one) => right.map((other) => ({ ...one, ...other })));

function columnsOf(select) {
  const own = (select.column ?? []).map((column) => column.name);
  const inner = (select.select ?? []).flatMap(columnsOf);
  return [...own, ...inner, ...(select.unionAll?.length ? columnsOf(select.unionAll[0]) : [])];
}

// Everything below a node that the paths lead to, a parent before its children.
function repeated(paths, node, row) {
  const children = paths.flatMap((path) => evaluate(path, node, row));
  return children.flatMap((child) => [child, ...repeated(paths, child, row)]);
}

function rowsOf(select, node, row) {
  const nodes = select.forEach ?? select.forEachOrNull ?? select.repeat;
  const found = select.repeat ? repeated(select.repeat, node, row) : nodes ? evaluate(nodes, node, row) : [node];
  if (nodes && !found.length) {
    return select.forEachOrNull ? [Object.fromEntries(columnsOf(select).map((name) => [name, null]))] : [];
  }
  return found.flatMap((each, position) => {
    const here = nodes ? { ...row, index: position } : row;
    const own = {};
    for (const column of select.column ?? []) {
      const values = evaluate(column.path, each, here);
      own[column.name] = column.collection ? values : (values[0] ?? null);
    }
    let rows = [own];
    for (const inner of select.select ?? []) rows = product(rows, rowsOf(inner, each, here));
    if (select.unionAll) rows = product(rows, select.unionAll.flatMap((branch) => rowsOf(branch, each, here)));
    return rows;
  });
}

function same(ours, theirs) {
  const plain = (value) => (value instanceof Object && !Array.isArray(value) ? value.toString() : value);
  const [one, other] = [plain(ours ?? null), plain(theirs ?? null)];
  // Sums are exact here; there they are those of binary doubles.
  if (typeof one === "number" && typeof other === "number") return Math.abs(one - other) <= 1e-9 * Math.abs(one);
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

const lines = readFileSync(input, "utf8").split("\n").filter((line) => line.trim());
const resources = lines.map((line) => JSON.parse(line));
const scratch = mkdtempSync(join(tmpdir(), "views-"));
let cells = 0;
const different = new Map();
const differ = (what, detail) => {
  const known = different.get(what) ?? { count: 0, detail };
  different.set(what, { ...known, count: known.count + 1 });
};
for (const file of readdirSync(folder).filter((name) => name.endsWith(".json")).sort()) {
  const view = JSON.parse(readFileSync(join(folder, file), "utf8"));
  const mine = resources.filter((resource) => resource.resourceType === view.resource);
  if (!mine.length) continue;
  writeFileSync(join(scratch, "in.ndjson"), mine.map((resource) => JSON.stringify(resource) + "\n").join(""));
  const printed = execFileSync(payersync, ["--home", scratch, "views", "run", join(folder, file), "--input",
    join(scratch, "in.ndjson"), "--format", "ndjson"], { encoding: "utf8", maxBuffer: 1 << 30 });
  const ours = printed.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  const constants = Object.fromEntries((view.constant ?? []).map(({ name, ...value }) => [name, Object.values(value)[0]]));
  const start = { index: 0, constants };
  const kept = mine.filter((resource) => (view.where ?? []).every(({ path }) => evaluate(path, resource, start)[0] === true));
  const theirs = kept.flatMap((resource) => view.select.reduce((rows, select) => product(rows, rowsOf(select, resource, start)), [{}]));
  if (ours.length !== theirs.length) differ(`${view.name}: rows`, `${ours.length} and ${theirs.length}`);
  for (let at = 0; at < Math.min(ours.length, theirs.length); at += 1) {
    for (const name of Object.keys(theirs[at])) {
      cells += 1;
      if (!same(ours[at][name], theirs[at][name])) {
        differ(`${view.name}.${name}`, `row ${at}: ${JSON.stringify(ours[at][name])} and ${JSON.stringify(theirs[at][name])}`);
      }
    }
  }
}
rmSync(scratch, { recursive: true });
let count = 0;
for (const [what, { count: times, detail }] of different) {
  count += times;
  console.log(`${what}: ${times} times, ${detail}`);
}
console.log(`${cells} cells of ${resources.length} resources, ${count} differ`);
