/** Patterns for addresses, IPv4 and IPv6 alike. @module */

const OCTET = "(25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)";
const V4 = `(${OCTET}\\.){3}${OCTET}`;
const H = "[0-9A-Fa-f]{1,4}";
/** RFC 4291 section 2.2, including an IPv4 tail; no zone. */
const V6 = [
  `(${H}:){7}${H}`,
  `(${H}:){1,7}:`,
  `(${H}:){1,6}:${H}`,
  `(${H}:){1,5}(:${H}){1,2}`,
  `(${H}:){1,4}(:${H}){1,3}`,
  `(${H}:){1,3}(:${H}){1,4}`,
  `(${H}:){1,2}(:${H}){1,5}`,
  `${H}:(:${H}){1,6}`,
  `:((:${H}){1,7}|:)`,
  `(::|::(${H}:){1,5}|(${H}:){6}|(${H}:){1,5}:|(${H}:){1,4}(:${H}){1,1}:)${V4}`,
].join("|");

/** One IPv4 or IPv6 address. */
export const IP_PATTERN = `^(${V4}|${V6})$`;
/** One IPv4 or IPv6 address with the length of its prefix. */
export const CIDR_PATTERN = `^((${V4})/([0-9]|[1-2][0-9]|3[0-2])|(${V6})/([0-9]|[1-9][0-9]|1[01][0-9]|12[0-8]))$`;
/** An Ethernet address, with colons or dashes. */
export const MAC_PATTERN = "^([0-9A-Fa-f]{2}[:-]){5}([0-9A-Fa-f]{2})$";
