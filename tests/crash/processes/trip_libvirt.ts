/** Preloaded into the libvirt provider: its points are the calls that change something, its own and libvirt's. @module */
import { LibvirtConnection } from "../../../providers/libvirt/client/connection.ts";
import { procedureName } from "../../../providers/libvirt/client/procedures.ts";
import { LibvirtStream } from "../../../providers/libvirt/client/stream.ts";
import { LibvirtProvider } from "../../../providers/libvirt/provider.ts";
import { Tripwire } from "./tripwire.ts";

/** Procedures that leave everything as it is. One that is new counts as changing until it is named here. */
const READING = /[gG]et|Lookup|[lL]ist|Is[A-Z]|Register|^auth|^connect|Refresh|Timeout|Addresses/;

const tripwire = new Tripwire();
for (const method of ["create", "delete", "power", "reconfigure"]) {
  tripwire.around(LibvirtProvider.prototype, method, () => `call ${method}`);
}
for (const method of ["call", "openStream"]) {
  tripwire.around(LibvirtConnection.prototype, method, ([call]) => {
    const { procedure, program } = call as { readonly procedure: number; readonly program?: number };
    // Programs beside the main one are QEMU's agent, which is only asked, and keepalive.
    const name = procedureName(procedure);
    return program !== undefined || READING.test(name) ? undefined : `libvirt ${name}`;
  });
}
tripwire.around(LibvirtStream.prototype, "upload", () => "libvirt stream");
