/** What a conformance case is. @module */
import type { Capabilities } from "@virtrigaud/contract";
import type { ConformanceProfile } from "./profile.ts";
import type { Subject } from "./subject.ts";

/** A promise of the contract, and how to see whether a provider keeps it. */
export interface ConformanceCase {
  /** `group/name`, stable: reports and `only` refer to it. */
  readonly name: string;
  /** The promise, in one sentence for the author of a provider. */
  readonly promise: string;
  /** Why the case does not apply here, or `undefined` when it does. */
  readonly skip?: (profile: ConformanceProfile, capabilities: Capabilities) => string | undefined;
  /** Throws when the promise is broken. Whatever it creates through `subject` is cleaned up. */
  readonly run: (subject: Subject) => Promise<void>;
}

/** Skips a case unless the provider advertises `capability`. */
export function needs(
  ...capabilities: readonly (keyof Capabilities)[]
): (profile: ConformanceProfile, has: Capabilities) => string | undefined {
  return (_profile, has) => {
    const lacking = capabilities.find((capability) => has[capability] === false);
    return lacking === undefined ? undefined : `${lacking} is not advertised`;
  };
}

/** The first reason that one of `checks` gives. */
export function firstOf(
  ...checks: readonly NonNullable<ConformanceCase["skip"]>[]
): NonNullable<ConformanceCase["skip"]> {
  return (profile, capabilities) => {
    for (const check of checks) {
      const reason = check(profile, capabilities);
      if (reason !== undefined) return reason;
    }
    return undefined;
  };
}

/** Skips a case unless the profile has this control. */
export function needsControl(
  control: keyof NonNullable<ConformanceProfile["controls"]>,
): NonNullable<ConformanceCase["skip"]> {
  return (profile) => profile.controls?.[control] === undefined ? `the profile has no control ${control}` : undefined;
}

/** Skips a case unless the guest can do this. */
export function needsGuest(ability: keyof ConformanceProfile["guest"]): NonNullable<ConformanceCase["skip"]> {
  return (profile) => profile.guest[ability] ? undefined : `the guest of this profile has no ${ability}`;
}
