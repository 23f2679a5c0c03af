module example.com/workspace/mail

go 1.24.0

require example.com/workspace/shared v0.0.0

replace example.com/workspace/shared => ../shared
