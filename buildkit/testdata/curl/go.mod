module example.com/curl

go 1.23
