module example.com/iconv

go 1.23
