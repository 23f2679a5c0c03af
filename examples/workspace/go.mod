module example.com/workspace

go 1.24.0

tool github.com/magefile/mage

require github.com/fromscratch-go/fromscratch/magefiles/targets v0.0.0

require github.com/magefile/mage v1.17.2 // indirect

replace github.com/fromscratch-go/fromscratch/magefiles/targets => ../../magefiles/targets
