module example.com/legacyssl

go 1.23
