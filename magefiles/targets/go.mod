module github.com/fromscratch-go/fromscratch/magefiles/targets

// As low as mage's: a requirement never raises the go line of the user's module.
go 1.18

require github.com/magefile/mage v1.17.2
