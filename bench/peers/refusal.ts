// Refusal: what is wrong with what the caller asked for, or with the machine; its text is all that the caller needs.

export class Refusal extends Error {}
