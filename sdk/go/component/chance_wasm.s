// Empty: the functions of chance.go without a body are the runtime's.
