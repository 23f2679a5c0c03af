module example.com/sasl

go 1.23
