module example.com/workspace/mail

go 1.24.0
