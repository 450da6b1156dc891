package wire

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// Key is the id of an entity as functions see it: the fields that name it, joined by "-".
func Key(fields ...any) string {
	texts := make([]string, len(fields))
	for i, field := range fields {
		switch value := field.(type) {
		case string:
			texts[i] = value
		case []byte:
			texts[i] = base64.StdEncoding.EncodeToString(value)
		case bool:
			texts[i] = strconv.FormatBool(value)
		case int32:
			texts[i] = strconv.FormatInt(int64(value), 10)
		case int64:
			texts[i] = strconv.FormatInt(value, 10)
		case uint32:
			texts[i] = strconv.FormatUint(uint64(value), 10)
		case uint64:
			texts[i] = strconv.FormatUint(value, 10)
		}
	}
	return strings.Join(texts, "-")
}
