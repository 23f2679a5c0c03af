module example.com/workspace/stock

go 1.24.0
