// Command supervisor is PID 1 of a development container, and of no other: it runs a program and, when it is asked to,
// runs it anew from a file that has meanwhile been replaced. That takes a few milliseconds where restarting a container
// takes a few hundred.
//
//	supervisor [-grace DURATION] [-stop SIGNAL] [-receive FOLDER] PROGRAM [ARG…]
//
// PROGRAM is a path; PATH is not searched. It runs with the supervisor's environment, working directory, user and
// standard streams, in a process group of its own, which is killed when the program has ended: as with any container,
// what it leaves behind does not outlive it. What has left the group for another session does, and is reaped.
//
// The signal [report.Restart] asks for a restart: the program gets SIGNAL (default SIGTERM: "QUIT", "SIGINT", "3"), after
// DURATION (default 2s) SIGKILL, and is then started again. A program that ends by itself is not started again before
// the next such signal, so a crash does not repeat itself. Neither is one that cannot be executed.
//
// With FOLDER, which it must be able to write to, it takes new programs on standard input, each after a line that tells its
// size ([report.Program]); one that is complete is run in the place of the one before, as after Restart, for which there is
// a line too ([report.RestartLine]). The program's own
// standard input is empty then. One that cannot be received is told as failed, and what runs goes on. When standard input
// ends, as it does with the process that has made the container, however that ends, so does the supervisor.
//
//	supervisor -run FOLDER PROGRAM [ARG…]
//
// executes the program that runs now, the one in FOLDER if one has come, with other arguments, and is no supervisor: a
// health check that is the program itself is then one of the present program.
//
// SIGTERM, SIGINT and SIGNAL are passed on, and the supervisor ends with the program, with its exit code (128+n when
// signal n has killed it, 127 or 126 when it could not be started); at once when none runs. Every other signal that can
// be caught is passed on, except SIGCHLD, SIGPIPE and SIGURG, which are the supervisor's own or the Go runtime's.
//
// Each start and end is told on standard error, see package report. A restart before the first start has been told may
// be lost: the kernel drops what PID 1 does not listen to yet (pid_namespaces(7)).
package main
