/** What this build is: told by `--version`, logs and metrics of every role. @module */

/** A build. */
export interface BuildInfo {
  /** Semantic version, without a "v". */
  readonly version: string;
  /** Commit; empty when it runs from sources. */
  readonly revision: string;
  /** RFC 3339, UTC; that of the commit, so that builds can be repeated. Empty when it runs from sources. */
  readonly date: string;
}

/**
 * Version, revision and date between bars. The release build writes over this text in the bundle (scripts/bundle.ts),
 * as neither `deno bundle` nor `deno compile` can define a constant.
 */
const STAMP = "virtrigaud-build|0.1.0|||";

/** The present build. */
export function buildInfo(stamp: string = STAMP): BuildInfo {
  const [, version = "", revision = "", date = ""] = stamp.split("|");
  return { version, revision, date };
}

/** The line that `--version` prints. */
export function versionLine(program: string, { version, revision, date }: BuildInfo = buildInfo()): string {
  const details = [
    ...revision === "" ? ["from sources"] : [`revision ${revision}`],
    ...date === "" ? [] : [`built ${date}`],
    `deno ${Deno.version.deno}`,
  ];
  return `${program} ${version} (${details.join(", ")})`;
}

/** Labels of `virtrigaud_build_info`. */
export function buildLabels(component: string, build: BuildInfo = buildInfo()): Record<string, string> {
  return {
    version: build.version,
    git_sha: build.revision,
    build_date: build.date,
    go_version: `deno-${Deno.version.deno}`,
    component,
  };
}
