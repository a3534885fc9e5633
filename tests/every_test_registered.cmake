cmake_minimum_required(VERSION 3.25) # for IN_LIST
# Mutation that makes it fail: take any x_test.cpp out of its CMakeLists.txt.
file(GLOB_RECURSE files "${TESTS}/*_test.cpp")
file(STRINGS "${LIST}" registered)
foreach(file IN LISTS files)
  if(NOT file IN_LIST registered)
    message(SEND_ERROR "${file} is in no CMakeLists.txt, so no build runs it. Add it to outrigger_tests(...).")
  endif()
endforeach()
