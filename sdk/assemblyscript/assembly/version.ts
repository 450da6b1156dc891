// Version of this SDK: goes into every component. The same as in package.json; a test compares them.

export const version = '0.1.0'
