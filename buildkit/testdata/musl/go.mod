module example.com/musl

go 1.23
