"""Helpers for tests of ganzoo and of plugins. They import no plugin, and pytest is not needed to import them.

========================  ===========================================================================================
``selections``            small trainings by name of a variant
``trainers``              trainers that are stepped by hand, and all that a training moves
``checked_once``          the second check, made once for equal selections
``command_lines``         ``ganzoo WORDS`` in the process of the test
``processes``             ``ganzoo WORDS`` in processes of their own, to be signalled and killed
``warm``                  what the first training of a process does, done once for all that are forked
``observers``             observers that send signals or call functions after a step
``run_files``             rows of metrics, and whether every file of a run is whole
``recorded_runs``         run folders that look trained, written by hand
``stand_ins``             data roots with small data in the real layout
``idx_files``             files in the format of MNIST
``web_server``            a server that cuts, lies, drips and never ends
``recording_disk``        a disk that records what is done to files, or refuses it
``older_files``           files in formats of older versions, made from files of this version
``forgery``               model files and checkpoints with changed content and valid checksums
``foreign_checkpoints``   networks and checkpoints as other code writes them
``keras_checkpoints``     models as Keras writes them
``own_parts``             networks, data and a loss as a notebook has them
``loss_cases``          every loss that is installed, in each of its forms
``odd_parts``             parts that are right, to derive wrong ones from, and what the dry run says of these
``evaluations``           evaluations with judges that are trained in a second
``metric_context``        the context of a metric, with a judge of the test's choice
``tapes``                 recorded steps on the processor
``told``                  random numbers that a test chose
``faulty_steps``          steps with NaN, and steps in which the host waits
``broken_plugins``        broken plugins of every kind, and what their causes must say
``plugin_files``          plugins in one file, as a user writes them
``toy_registry``          declared parts that depend on no plugin
``skeleton_cyclegan``     a plugin whose recipe has four networks and two datasets
``small_systems``         systems of the literature that use all of the contract, as a plugin would bring them
``strategies``            strategies of hypothesis for declarations
``sources``               the modules of a project and what they import, read and not run
========================  ===========================================================================================
"""
