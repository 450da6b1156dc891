package innkeeper

import "testing"

// The numbers are those of every SDK: of the seed 00 01 ... 0f.
func TestRandomIsThatOfEverySDK(t *testing.T) {
	c := NewContext("", 0, [4]uint32{0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c}, nil)
	first, second := uint64(c.Random()*(1<<32)), uint64(c.Random()*(1<<32))
	if uuid := c.UUID(); first != 1485263592 || second != 1781317280 || uuid != "524cd911-5883-4d68-ab33-d282aae2b8c2" {
		t.Fatal(first, second, uuid)
	}
}
