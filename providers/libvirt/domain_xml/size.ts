/** CPUs and memory of a domain, and how the guest sees them laid out. @module */
import { editAt, element, elements, find, type XmlElement } from "./element.ts";

/** Size of a machine and the most that it can grow to while it runs. */
export interface Size {
  readonly cpus: { readonly current: number; readonly max: number };
  readonly memoryMib: { readonly current: number; readonly max: number };
  /** Cores of a socket and threads of a core; absent: each CPU is a socket, which is libvirt's way. */
  readonly topology?: { readonly cores: number; readonly threads: number };
  /** Nodes that CPUs and memory are spread over evenly; absent: none are told to the guest. */
  readonly numaNodes?: number;
}

/** `domain` with this size. Everything goes in at once: libvirt wants layout and numbers to agree at any moment. */
export function writeSize(domain: XmlElement, size: Size): XmlElement {
  const { cpus, memoryMib } = size;
  const parts: readonly (readonly [path: readonly string[], made: XmlElement | undefined])[] = [
    [["memory"], element("memory", { unit: "MiB" }, memoryMib.max)],
    [["cpu", "topology"], topology(size)],
    [["cpu", "numa"], numa(size)],
    // A list of single CPUs is one of the old size.
    [["vcpus"], undefined],
  ];
  const sized = parts.reduce((at, [path, made]) => editAt(at, path, () => made), domain);
  return writeCurrent(
    editAt(sized, ["vcpu"], (old) => element("vcpu", { placement: "static", ...old?.attributes }, cpus.max)),
    size,
  );
}

/** `domain` with what it has now of its room to grow; layout and limits stay as they are. */
export function writeCurrent(domain: XmlElement, { cpus, memoryMib }: Size): XmlElement {
  const current = element("currentMemory", { unit: "MiB" }, memoryMib.current);
  const counted = editAt(domain, ["vcpu"], (old) => ({
    ...old ?? element("vcpu", {}, cpus.max),
    attributes: { ...old?.attributes, current: `${cpus.current}` },
  }));
  return editAt(editAt(counted, ["vcpus"], () => undefined), ["currentMemory"], () => current);
}

function topology({ cpus, topology }: Size): XmlElement | undefined {
  if (topology === undefined) return undefined;
  const { cores, threads } = topology;
  return element("topology", { sockets: cpus.max / (cores * threads), cores, threads });
}

function numa({ cpus, memoryMib, numaNodes }: Size): XmlElement | undefined {
  if (numaNodes === undefined) return undefined;
  const share = (of: number, index: number): number => Math.floor((of * (index + 1)) / numaNodes);
  const cells = Array.from({ length: numaNodes }, (_, id) => {
    const [first, last] = [share(cpus.max, id - 1), share(cpus.max, id) - 1];
    return element("cell", {
      id,
      cpus: first === last ? `${first}` : `${first}-${last}`,
      memory: share(memoryMib.max, id) - share(memoryMib.max, id - 1),
      unit: "MiB",
    });
  });
  return element("numa", {}, ...cells);
}

/** How the guest sees its CPUs laid out. */
export interface Layout {
  readonly cores: number | undefined;
  readonly threads: number | undefined;
  readonly numaNodes: number | undefined;
}

/** The layout that a description asks for. */
export function readLayout(domain: XmlElement): Layout {
  const cpu = find(domain, "cpu");
  const given = find(cpu, "topology")?.attributes;
  const nodes = elements(find(cpu, "numa"), "cell").length;
  const number = (text: string | undefined) => text === undefined ? undefined : Number(text);
  return {
    cores: number(given?.["cores"]),
    threads: number(given?.["threads"]),
    numaNodes: nodes === 0 ? undefined : nodes,
  };
}
