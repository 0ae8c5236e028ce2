/** `VMClone.spec.customization`: what makes the clone differ from its source. @module */
import { IP_PATTERN, MAC_PATTERN } from "./network_address.ts";
import { localObjectRef } from "./refs.ts";
import { boolean, duration, list, listMap, object, oneOf, string } from "./schema.ts";
import { UserData } from "./user_data.ts";

const name255 = (description: string) => string(description, { maxLength: 255 });
const ip = (description: string) => string(description, { maxLength: 45, pattern: IP_PATTERN });

const password = (description: string) =>
  object(description, {}, {
    value: string("The password itself. Visible to everyone who may read the object: use secretRef."),
    secretRef: localObjectRef("Secret that holds the password."),
    secretKey: string("Key of the password in the Secret.", { default: "password" }),
  });

const sysprep = object("Windows System Preparation.", {}, {
  enabled: boolean("Whether sysprep is run.", { default: false }),
  productKey: string("Product key of Windows."),
  organization: name255("Organisation that Windows is registered to."),
  owner: name255("Person that Windows is registered to."),
  adminPassword: password("Password of the local administrator."),
  joinDomain: object("Active Directory domain to join.", {
    domain: name255("Name of the domain."),
    username: name255("User who may add machines."),
    password: password("Password of that user."),
  }, { organizationalUnit: string("Organisational unit to put the machine in.", { maxLength: 500 }) }),
  customCommands: list("Commands to run on first logon.", string("One command line."), { maxItems: 20 }),
});

/** Schema of {@linkcode Customization}. */
export const Customization = object("What makes the clone differ from its source.", {}, {
  hostname: string("Host name of the guest.", {
    maxLength: 255,
    pattern: "^[a-zA-Z0-9]([a-zA-Z0-9\\-]*[a-zA-Z0-9])?$",
  }),
  domain: name255("DNS domain of the guest."),
  timeZone: string("Time zone of the guest, as in the IANA database.", { maxLength: 100 }),
  networks: listMap(
    "Addresses of the interfaces.",
    object("One interface.", { name: name255("Name of the interface.") }, {
      dhcp: boolean("Whether the address comes from DHCP."),
      ipAddress: ip("Static address, IPv4 or IPv6."),
      subnetMask: ip("Subnet mask that goes with an IPv4 address."),
      gateway: ip("Default gateway, IPv4 or IPv6."),
      dns: list("Name servers.", string("One address."), { maxItems: 5 }),
      macAddress: string("Ethernet address.", { pattern: MAC_PATTERN }),
    }),
    "name",
    { maxItems: 10 },
  ),
  userData: UserData,
  sysprep,
  certificates: list(
    "Certificates to install in the guest.",
    object("One certificate.", { name: name255("Name to keep it under.") }, {
      data: string("The certificate, PEM."),
      secretRef: localObjectRef("Secret that holds the certificate."),
      secretKey: string("Key of the certificate in the Secret.", { default: "tls.crt" }),
      store: oneOf("Store of the guest to put it in.", ["root", "ca", "my", "trust"], { default: "root" }),
    }),
    { maxItems: 10 },
  ),
  guestCommands: list(
    "Commands to run in the guest.",
    object("One command.", { command: string("Program to run.", { maxLength: 1000 }) }, {
      arguments: list("Arguments.", string("One argument."), { maxItems: 20 }),
      workingDirectory: string("Folder to run it in.", { maxLength: 500 }),
      runAsUser: name255("User to run it as."),
      timeout: duration("Time that it may take.", { default: "5m" }),
      stage: oneOf("When it is run.", ["pre-customization", "post-customization", "first-boot"], {
        default: "post-customization",
      }),
    }),
    { maxItems: 20 },
  ),
  tags: list("Labels to put on the machine in the hypervisor.", string("One tag."), { maxItems: 50 }),
});
