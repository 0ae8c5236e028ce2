/** Where a VMImage comes from. @module */
import { type Static } from "@virtrigaud/deps";
import { IMAGE_PATTERN } from "./provider_spec.ts";
import { localObjectRef, objectRef } from "./refs.ts";
import { boolean, duration, integer, object, oneOf, string, stringMap } from "./schema.ts";

/** Formats of disk images. */
export const IMAGE_FORMATS = ["qcow2", "raw", "vmdk", "vhd", "vhdx", "iso", "ova", "ovf"] as const;
/** One of {@linkcode IMAGE_FORMATS}. */
export type ImageFormat = (typeof IMAGE_FORMATS)[number];

const checksum = string("Digest that the content must have, in hexadecimal.");
const checksumType = oneOf("Function that made the checksum.", ["md5", "sha1", "sha256", "sha512"], {
  default: "sha256",
});
const name255 = (description: string) => string(description, { maxLength: 255 });
const key = (description: string, name: string) => string(description, { default: name });
const secretRef = localObjectRef("Secret that holds the credentials.");

const http = object("A file behind a URL.", {
  url: string("Address of the file.", { pattern: "^https?://.*" }),
}, {
  headers: stringMap("Headers to send with the request.", { maxProperties: 20 }),
  authentication: object("How to prove who asks.", {}, {
    basicAuth: object("User and password.", { secretRef }, {
      usernameKey: key("Key of the user name in the Secret.", "username"),
      passwordKey: key("Key of the password in the Secret.", "password"),
    }),
    bearer: object("Bearer token.", { secretRef }, { tokenKey: key("Key of the token in the Secret.", "token") }),
    clientCert: object("TLS client certificate.", { secretRef }, {
      certKey: key("Key of the certificate in the Secret.", "tls.crt"),
      keyKey: key("Key of the private key in the Secret.", "tls.key"),
    }),
  }),
  checksum,
  checksumType,
  timeout: duration("Time that the download may take.", { default: "30m" }),
});

/**
 * Where the image is, per hypervisor. Several blocks may stand side by side, so that one VMImage serves several
 * providers: a provider reads its own block first, then `http`, `registry` and `dataVolume`.
 */
export const ImageSource = object("Where the image is; one block per kind of hypervisor that is to use it.", {}, {
  vsphere: object("Image on vSphere: a template, a content library item or an OVA to import.", {}, {
    templateName: name255("Name or inventory path of the template."),
    contentLibrary: object("Item of a content library.", {
      library: name255("Name of the library."),
      item: name255("Name of the item."),
    }, { version: string("Version of the item; the newest when absent.") }),
    ovaURL: string("Address of an OVA or OVF.", { pattern: "^https?://.*\\.(ova|ovf)$" }),
    checksum,
    checksumType,
    providerRef: localObjectRef("Provider that the image is limited to."),
  }),
  libvirt: object("Image on libvirt: a path or volume on the host, or a URL to fetch into a storage pool.", {}, {
    path: string("Path of the file on the host, or pool/volume."),
    url: string("Address to fetch the file from.", { pattern: "^(https?|ftp)://.*" }),
    format: oneOf("Format of the file.", IMAGE_FORMATS, { default: "qcow2" }),
    storagePool: name255("Storage pool that the image lies in or is fetched into."),
    checksum,
    checksumType,
  }),
  proxmox: object("Template on Proxmox VE.", {}, {
    templateID: integer("VMID of the template.", { minimum: 100, maximum: 999999999 }),
    templateName: name255("Name of the template."),
    storage: name255("Storage that clones are put on."),
    node: name255("Node that the template is on."),
    format: oneOf("Format of the clone's disks.", ["raw", "qcow2", "vmdk"], { default: "qcow2" }),
    fullClone: boolean("False makes linked clones.", { default: true }),
  }),
  http,
  registry: object("Disk image in an OCI registry.", {
    image: string("Reference of the image.", { pattern: IMAGE_PATTERN }),
  }, {
    pullSecretRef: localObjectRef("Secret with credentials for the registry."),
    format: oneOf("Format of the disk in the image.", IMAGE_FORMATS, { default: "qcow2" }),
  }),
  dataVolume: objectRef("DataVolume that holds the image."),
});
/** Where the image is; one block per kind of hypervisor that is to use it. */
export type ImageSource = Static<typeof ImageSource>;
