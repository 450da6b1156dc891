module innkeeper

go 1.24
