/*
 * The lock on the certificates (doc/lock.md) as a model for spin.
 *
 * What is modelled: the blob file (its first entry and the rest of it are written and read apart),
 * its OFD lock, the state page's generation and announcement, an updater that may be killed before
 * each of its steps and is then started again; the process of its command, which may outlive it, may
 * close the descriptor of the lock that it inherits, and may change the key, change it to another one
 * than planned, or fail; the keeper, which has the lock's description too, opens the gate at which
 * the command's process waits, may be killed, and ends when the command has ended; readers of
 * extreq's and foreign ones. The key that signs and the table that a reader has are compared when the firmware
 * signs.
 *
 * One step is one system call. Time is not modelled: who waits may wait for ever, and a dead
 * writer's announcement ends with it.
 *
 * run.sh has the list of runs. The macros that a run may define:
 *   COPIES              extreq's readers keep their copy while the generation stands still
 *   FOREIGN_WRITER      a tool that takes the exclusive lock and knows neither tombstone nor page
 *   LIVENESS            no kills, updates for ever: for the claim that every update ends
 * and, each of which must be found out:
 *   NO_LOCK             nobody locks
 *   NO_TOMBSTONE        the old table stays while the command runs
 *   RENAME              empty and new table come in new files, by rename
 *   ONE_DESCRIPTION     extreq's two readers (two vCPUs) share one open file description
 *   NO_KEEPER           nobody but the updater and the command's process has the lock's description
 *   NO_INHERITANCE      and not even the command's process, in no case
 *   BOTH_KILLED         updater and keeper of one command may be killed, not only one of them
 *   ENTRY_FIRST         the first entry is written before the rest
 *   NO_STAY_BACK        readers do not stay back for a writer that waits
 */

#ifndef KEYS
#define KEYS 2
#endif
#ifndef UPDATES
#define UPDATES 3
#endif
#ifdef LIVENESS
#define KILLS 0
#else
#ifndef KILLS
#define KILLS 2
#endif
#endif

/* Nobody is left of a command. Without kills there is no other update's to wait for: the processes
 * are the claim, init, the updater and two readers. */
#ifdef LIVENESS
#define REAPED (_nr_pr <= 5)
#else
#define REAPED true
#endif

#define FILES 3
#define COMMANDS 4
#define TABLE_OF(k) ((k) + 1)
#define NO_TABLE 0

byte key = 0; /* with which the firmware signs */

/* The file that the path names, and for each file: which table its first entry and its rest are of. */
byte path = 0;
byte entry[FILES];
byte rest[FILES];

/* The locks on each file. */
byte readers[FILES];
bool written[FILES]; /* the exclusive lock is held */
byte have_writer_lock = 0; /* processes that have the updater's description */
byte writer_file = 0;

/* The state page. */
byte generation = 0;
bool writer_waits = false;

byte kills = KILLS;
/* Of each command: its process lives; its keeper lives; the gate before it is open; how many
 * processes have the gate's other end, without which it closes; its updater or its keeper was
 * killed. */
bool command_runs[COMMANDS];
bool keeper_runs[COMMANDS];
bool gate_open[COMMANDS];
byte gate_ends[COMMANDS];
bool one_killed[COMMANDS];

bool update_begun = false; /* for the claim of LIVENESS */
bool update_ended = false;

#ifdef NO_LOCK
#define LOCK_SHARED(f) true
#define UNLOCK_SHARED(f) skip
#define LOCK_EXCLUSIVE(f) true
#define UNLOCK_EXCLUSIVE(f) skip
#else
#define LOCK_SHARED(f) !written[f] -> readers[f]++
#define UNLOCK_SHARED(f) readers[f]--
#define LOCK_EXCLUSIVE(f) !written[f] && readers[f] == 0 -> written[f] = true
#define UNLOCK_EXCLUSIVE(f) written[f] = false
#endif

/* The last process that has the updater's description takes the lock with it. */
inline leave_writer_lock() {
  d_step {
    have_writer_lock--;
    if
    :: have_writer_lock == 0 && written[writer_file] -> UNLOCK_EXCLUSIVE(writer_file)
    :: else
    fi
  }
}

#ifdef BOTH_KILLED
#define MAY_BE_KILLED(slot) (kills > 0)
#else
#define MAY_BE_KILLED(slot) (kills > 0 && !(command_runs[slot] && one_killed[slot]))
#endif

/* ------------------------------------------------------------------------------------------------
 * What changes the key: a commit, a new configuration, a firmware loader.
 */
proctype Command(byte slot) {
  byte wanted;
#ifdef NO_INHERITANCE
  bool has_lock = false;
#else
  bool has_lock = true;
#endif
  if
  :: gate_open[slot]
  :: !gate_open[slot] && gate_ends[slot] == 0 -> goto ended /* not run */
  fi;
  if
  :: has_lock -> atomic { leave_writer_lock(); has_lock = false } /* as sudo does */
  :: true
  fi;
  select(wanted : 0 .. KEYS - 1);
  key = wanted; /* the same as before: the command failed */
ended:
  atomic {
    command_runs[slot] = false;
    if
    :: has_lock -> leave_writer_lock(); has_lock = false
    :: else
    fi;
    wanted = 0
  }
}

#ifndef NO_KEEPER
proctype Keeper(byte slot) {
  if
  :: atomic { MAY_BE_KILLED(slot) -> kills--; one_killed[slot] = true }; goto ended
  :: true
  fi;
  gate_open[slot] = true;
  if
  :: atomic { MAY_BE_KILLED(slot) -> kills--; one_killed[slot] = true }
  :: !command_runs[slot]
  fi;
ended:
  atomic {
    keeper_runs[slot] = false;
    gate_ends[slot]--;
    leave_writer_lock()
  }
}
#endif

/* ------------------------------------------------------------------------------------------------
 * extreq's updater. "dead" is kill -9; the repair that follows is the same program once more.
 */
inline may_die() {
  if
  :: atomic { MAY_BE_KILLED(slot) -> kills--; one_killed[slot] = true }; goto dead
  :: true
  fi
}

proctype Updater() {
  byte updates = 0;
  bool mine = false; /* it has the lock's description */
  bool has_gate = false;
  byte f, n, slot;
  byte found;

start:
  if
#ifdef LIVENESS
  :: true
#else
  :: updates == UPDATES -> goto finished
  :: else -> updates++
#endif
  fi;
  update_ended = false;
  update_begun = true;
  writer_waits = true;
  may_die();
  f = path;
  atomic {
    LOCK_EXCLUSIVE(f);
    writer_file = f;
    have_writer_lock = 1;
    mine = true;
    writer_waits = false
  };
  may_die();
  generation = generation | 1;
  may_die();
#ifdef RENAME
  n = path + 1;
  if
  :: n >= FILES -> goto finished
  :: else -> path = n /* an empty file */
  fi;
  may_die();
#else
#ifndef NO_TOMBSTONE
  entry[f] = NO_TABLE;
  may_die();
#endif
#endif

  atomic { /* fork: the command's process, which waits at the gate */
    slot = 0;
    do
    :: command_runs[slot] || keeper_runs[slot] -> slot++
    :: else -> break
    od;
    command_runs[slot] = true;
    one_killed[slot] = false;
    gate_open[slot] = false;
    gate_ends[slot] = 1;
    has_gate = true;
#ifndef NO_INHERITANCE
    have_writer_lock++;
#endif
    run Command(slot)
  };
  may_die();
#ifdef NO_KEEPER
  gate_open[slot] = true;
#else
  atomic { /* fork: the keeper */
    gate_ends[slot]++;
    have_writer_lock++;
    keeper_runs[slot] = true;
    run Keeper(slot)
  };
#endif
  may_die();
  atomic { gate_ends[slot]--; has_gate = false };
  if /* killed while the command runs, or not */
  :: atomic { MAY_BE_KILLED(slot) -> kills--; one_killed[slot] = true }; goto dead
  :: !command_runs[slot] && !keeper_runs[slot] && REAPED
  fi;
  found = key; /* read back */
  may_die();

  if
  :: true /* the table for this key cannot be had: the empty one stays */
     generation = (generation | 1) + 1
  :: true
#ifdef RENAME
     n = path + 1;
     if
     :: n >= FILES -> goto finished
     :: else
     fi;
     rest[n] = TABLE_OF(found);
     entry[n] = TABLE_OF(found);
     path = n;
#else
#ifdef ENTRY_FIRST
     entry[f] = TABLE_OF(found);
     may_die();
     rest[f] = TABLE_OF(found);
#else
     rest[f] = TABLE_OF(found);
     may_die();
     entry[f] = TABLE_OF(found);
#endif
#endif
     may_die();
     generation = (generation | 1) + 1
  fi;
#ifdef LIVENESS
  generation = 0;
#endif
  may_die();
  atomic {
    if
    :: written[f] -> UNLOCK_EXCLUSIVE(f)
    :: else
    fi;
    have_writer_lock = 0;
    mine = false
  };
  update_begun = false;
  update_ended = true;
  goto start;

dead:
  atomic {
    writer_waits = false; /* it runs out */
    update_begun = false;
    if
    :: has_gate -> gate_ends[slot]--; has_gate = false
    :: else
    fi;
    if
    :: mine -> leave_writer_lock(); mine = false
    :: else
    fi
  };
  goto start;

finished:
  skip
}

/* ------------------------------------------------------------------------------------------------
 * Readers. `held_entry` and `held_rest` are what they have when the firmware signs.
 */
#define SIGN_AND_COMPARE(held_entry, held_rest)                                         \
  assert(held_entry == NO_TABLE || (held_entry == TABLE_OF(key) && held_rest == held_entry))

#ifdef ONE_DESCRIPTION
bool vm_locked = false;
#endif

proctype Reader() {
  byte f, first, others;
#ifdef COPIES
  byte copy_of = 0; /* no copy: generations of whole tables are even and above 0 here */
  byte copy_first, copy_others;
#endif
  do
  :: true ->
#ifndef NO_STAY_BACK
     !writer_waits;
#endif
     f = path;
     atomic {
#ifdef ONE_DESCRIPTION
       if
       :: vm_locked /* its description has the lock: granted at once */
       :: else -> LOCK_SHARED(f); vm_locked = true
       fi
#else
       LOCK_SHARED(f)
#endif
     };
     if
     :: path != f
     :: else ->
#ifdef COPIES
        if
        :: copy_of != 0 && copy_of == generation ->
           first = copy_first;
           others = copy_others
        :: else ->
           first = entry[f];
           others = rest[f];
           if
           :: generation % 2 == 0 ->
              copy_of = generation;
              copy_first = first;
              copy_others = others
           :: else -> copy_of = 0
           fi
        fi;
#else
        first = entry[f];
        others = rest[f];
#endif
        if
        :: SIGN_AND_COMPARE(first, others)
        :: true /* killed, or the guest gave up: nothing is signed */
        fi
     fi;
     atomic {
#ifdef ONE_DESCRIPTION
       if
       :: vm_locked -> UNLOCK_SHARED(f); vm_locked = false
       :: else
       fi
#else
       UNLOCK_SHARED(f);
#endif
       first = 0;
       others = 0;
       f = 0
     }
  od
}

#ifndef LIVENESS
/* Keeps the file open that it found when it was started, and never looks at the path again. */
proctype ForeignReader() {
  byte first, others;
  do
  :: true ->
     atomic { LOCK_SHARED(0) };
     first = entry[0];
     others = rest[0];
     SIGN_AND_COMPARE(first, others);
     atomic {
       UNLOCK_SHARED(0);
       first = 0;
       others = 0
     }
  od
}

/* Takes the exclusive lock to read. */
proctype ForeignReaderAlone() {
  byte f, first, others;
  do
  :: true ->
     f = path;
     atomic { LOCK_EXCLUSIVE(f) };
     if
     :: path != f
     :: else ->
        first = entry[f];
        others = rest[f];
        SIGN_AND_COMPARE(first, others)
     fi;
     atomic {
       UNLOCK_EXCLUSIVE(f);
       first = 0;
       others = 0;
       f = 0
     }
  od
}
#endif

#ifdef FOREIGN_WRITER
/* Locks, changes the key, writes its table in place. It is not killed: what it leaves then is torn,
 * which the shape of the table tells, or stale, which nothing tells. */
proctype ForeignWriter() {
  byte f;
  f = path;
  atomic { LOCK_EXCLUSIVE(f) };
  key = (key + 1) % KEYS;
  rest[f] = TABLE_OF(key);
  entry[f] = TABLE_OF(key);
  UNLOCK_EXCLUSIVE(f)
}
#endif

init {
  atomic {
    entry[0] = TABLE_OF(0);
    rest[0] = TABLE_OF(0);
    generation = 2;
    run Updater();
    run Reader();
    run Reader();
#ifndef LIVENESS
    run ForeignReader();
    run ForeignReaderAlone();
#endif
#ifdef FOREIGN_WRITER
    run ForeignWriter();
#endif
  }
}

/* Every update that has begun ends: readers stay back. */
#ifdef LIVENESS
ltl updates_end { [] (update_begun -> <> update_ended) }
#endif
