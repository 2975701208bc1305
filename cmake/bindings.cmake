# dsn_bindings(ROOM): structs and tables of contracts/artifacts/*.json, compiled into the room; its users include them as
# "ROOM/<contract>_abi.h".
function(dsn_bindings room)
  file(GLOB artefacts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/contracts/artifacts/*.json)
  set(folder ${CMAKE_BINARY_DIR}/bindings)
  set(script ${CMAKE_SOURCE_DIR}/scripts/contract-bindings)
  set(headers ${folder}/contracts/enums_abi.h ${folder}/contracts/refusals_abi.h)
  foreach(artefact ${artefacts})
    get_filename_component(name ${artefact} NAME_WE)
    string(TOLOWER ${name} name)
    list(APPEND headers ${folder}/contracts/${name}_abi.h)
  endforeach()
  add_custom_command(OUTPUT ${folder}/contracts_abi.c ${headers} DEPENDS ${artefacts} ${script} VERBATIM
                     COMMAND ${Python3_EXECUTABLE} ${script} ${folder} ${artefacts})
  target_sources(${room} PRIVATE ${folder}/contracts_abi.c ${headers})
  target_include_directories(${room} PUBLIC ${folder})
endfunction()
