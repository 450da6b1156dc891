// Engine version: which artefacts this host can run. A stored one of another version is made again from its component.

/** Raise it with anything that changes artefacts: metering, caps, the plan. */
export const engineVersion = 4
