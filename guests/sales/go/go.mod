module sales

go 1.24

require innkeeper v0.0.0

replace innkeeper => ../../../sdk/go
